"""Faces: the in-memory set, where it comes from, and how it is split."""
