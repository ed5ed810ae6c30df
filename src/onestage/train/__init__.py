"""Packed rows in, a trained model out."""
