"""Passages in, (instruction, output) conversations out: one form for domain text and SFT data."""
