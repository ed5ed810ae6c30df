"""Raw corpora in, passages of the domain out."""
