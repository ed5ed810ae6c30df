"""Conversations in curriculum order in, packed rows of tokens out."""
