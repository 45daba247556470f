"""What the part `memory` says of the largest stage."""

from benchmarks import memory


def test_the_largest_stage_is_named_only_if_all_were_measured():
    row = memory.largest({"split": 0.3, "train cnn": 2.1}, 2)
    assert row.ours.median == 2.1
    assert row.note == "train cnn"
    row = memory.largest({"split": 0.3}, 2)
    assert row.ours is None
    assert row.missing == "only 1 of 2 stages were, with 0.30 GB at most"
