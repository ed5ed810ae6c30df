"""Duplicates within and across sources, and text that benchmarks ask about, removed."""
