"""A model in, its answers to benchmarks and exams out."""
