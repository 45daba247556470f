"""Measurements of the project itself: `python -m benchmarks.<name>`."""
