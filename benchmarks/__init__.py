"""`python -m benchmarks` (or `make bench`): the baseline beside ours, measured in one run.

Each part is one small file with a function `rows`, which yields a `measure.Row` for each line of the tables in
docs/performance.md. Five stand alone: `benchmarks.photos` measures accuracy on photos, `benchmarks.labels` what models
learn from two sets of labels, `benchmarks.pose` the head pose; `benchmarks.covered` and `benchmarks.drawings` make and
measure what tells covered mouths and drawings.
"""
