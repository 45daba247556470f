"""Prediction in bulk: millions of pictures, on the cores of one machine or of a Ray cluster (`fer bulk`)."""
