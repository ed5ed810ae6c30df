"""Conversations in, the curriculum out: the order in which every copy is trained."""
