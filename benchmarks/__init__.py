"""`python -m benchmarks` (or `make bench`): the ordinary way beside ours, measured in one run.

Each part is one small file with a function `rows`, which yields a `measure.Row` for each line of the tables in
docs/performance.md. `benchmarks.photos` measures accuracy on photos, and stands alone.
"""
