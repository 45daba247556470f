"""Facial-expression recognition, from FER2013 to four trained and fairly measured models."""

__version__ = "0.1.0"
