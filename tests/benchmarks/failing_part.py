"""A part of the bench that breaks after its first row, for the tests."""

from benchmarks.measure import single


def rows(bench):
    yield single("failing.first", "what it still measures", "s", [1.0, 3.0, 2.0])
    raise RuntimeError("the second row is not to be had")
