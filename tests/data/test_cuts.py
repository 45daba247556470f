"""What `split` cuts out of a set that was not divided: the shares, and copies that stay together."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_faces import random_faces

from fer import config
from fer.data import sets, splits
from fer.data.drawn import draw
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.errors import FerError

FRAMES = 30


def settings(protocol: str = "official") -> config.Split:
    return config.Split(protocol=protocol, val_fraction=0.2, drop_leaks=False, hash_distance=10, correlation=0.9)


def of_each(table, split: str) -> set[int]:
    """How many faces of the emotions a split has, without saying which has how many."""
    return set(table.loc[table["split"] == split, "name"].str.split("/").str[0].value_counts())


@pytest.fixture(scope="module")
def undivided() -> Faces:
    return random_faces({"": 40}, seed=3)


@pytest.fixture(scope="module")
def divided_in_two() -> Faces:
    return random_faces({"Training": 40, "PrivateTest": 5}, seed=3)


@pytest.mark.parametrize(
    ("protocol", "expected"), [("official", (32, 4, 4)), ("combined", (32, 4, 4)), ("stratified", (29, 7, 4))]
)
def test_an_undivided_set_is_cut_in_three(undivided: Faces, protocol: str, expected: tuple[int, ...]) -> None:
    table, audit = splits.make(undivided, settings(protocol), 1)
    assert [of_each(table, split) for split in ("train", "val", "test")] == [{count} for count in expected]
    assert sum(audit["excluded"].values()) == 0
    assert table["unseen"].equals(table["split"] == "test")
    assert table.equals(splits.make(undivided, settings(protocol), 1)[0])
    assert not table.equals(splits.make(undivided, settings(protocol), 2)[0])


@pytest.mark.parametrize(("protocol", "expected"), [("official", (36, 4)), ("stratified", (32, 8))])
def test_val_alone_is_cut_out_of_training(divided_in_two: Faces, protocol: str, expected: tuple[int, int]) -> None:
    table, _ = splits.make(divided_in_two, settings(protocol), 1)
    assert [of_each(table, split) for split in ("train", "val")] == [{count} for count in expected]
    assert (table["split"] == "test").equals(divided_in_two.table["usage"] == "PrivateTest")


@pytest.mark.parametrize("protocol", ["official", "stratified", "combined"])
def test_members(undivided: Faces, divided_in_two: Faces, protocol: str) -> None:
    for faces in (undivided, divided_in_two):
        table, _ = splits.make(faces, settings(protocol), 1)
        sets = splits.members(table, protocol)
        both = np.flatnonzero(table["split"].isin(["val", "test"]))
        np.testing.assert_array_equal(sets["test_combined"], both)
        np.testing.assert_array_equal(
            sets["test"], both if protocol == "combined" else np.flatnonzero(table["split"] == "test")
        )


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["undivided", "train and test"])
def test_frames_of_one_person_stay_in_one_split(tmp_path: Path, layout: str) -> None:
    people = draw(len(EMOTIONS) * 6, seed=1)
    rng = np.random.default_rng(0)
    for number, (image, emotion) in enumerate(zip(people.images, people.table["emotion"], strict=True)):
        above = "" if layout == "undivided" else "test" if number < len(EMOTIONS) else "train"
        place = tmp_path / above / emotion
        place.mkdir(parents=True, exist_ok=True)
        for frame in range(FRAMES):
            changed = image * rng.uniform(0.9, 1.1) + rng.uniform(-10, 10) + rng.normal(0, 2, image.shape)
            Image.fromarray(changed.clip(0, 255).astype(np.uint8)).save(place / f"{number:02d}_{frame:02d}.png")
    data = config.Data(dataset=str(tmp_path), labels=None, size=48, seed=0, drawn_faces=140)
    sets.load(data).save(tmp_path / "faces")
    faces = Faces.load(tmp_path / "faces")
    table, audit = splits.make(faces, settings(), 0)
    for groups in (table["duplicate_group"], table["name"].str.extract(r"(\d+)_\d+\.png")[0]):
        assert (table.groupby(groups)["split"].nunique() == 1).all()
    assert [found["groups"] for found in audit["near_duplicates"]["leaks"].values()] == [0, 0, 0]
    for split in ("val", "test"):
        assert set(audit["faces"][split].values()) == {FRAMES, FRAMES * len(EMOTIONS)}


def test_the_groups_that_fit_are_taken_or_the_smallest() -> None:
    def cut(sizes: list[int], fraction: float, seed: int) -> list[int]:
        groups = np.repeat(np.arange(len(sizes)), sizes)
        labels = np.zeros(len(groups), np.int64)
        rows = splits._cut(labels, np.ones(len(groups), bool), groups, fraction, np.random.default_rng(seed))
        taken = np.bincount(groups[rows], minlength=len(sizes))
        assert all(count in (0, size) for count, size in zip(taken, sizes, strict=True))
        return sorted(taken[taken > 0].tolist())

    for seed in range(10):
        assert cut([60, 6, 7, 27], 0.1, seed) in ([6], [7])
        assert cut([60, 2, 3, 5, 30], 0.1, seed) == [2, 3, 5]
        assert cut([50, 30, 20], 0.1, seed) == [20]
        assert cut([9], 0.1, seed) == [9]


def test_an_emotion_of_copies_alone_is_named(undivided: Faces) -> None:
    images = undivided.images.copy()
    disgust = np.flatnonzero(undivided.table["emotion"] == "disgust")
    images[disgust] = images[disgust[0]]
    with pytest.raises(FerError, match=r"has no face of disgust.*Copies of one face stay in one split"):
        splits.make(Faces(images, undivided.table), settings(), 0)
