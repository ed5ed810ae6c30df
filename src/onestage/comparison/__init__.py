"""Several models' answers to the same questions, side by side."""
