"""onestage: adapts a language model to a domain in one stage of training."""
