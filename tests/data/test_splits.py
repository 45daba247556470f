"""Planted copies, leaks, conflicts and blank images are found; the protocols cut as they say."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_faces import random_faces

from fer import artifacts, config
from fer.data import audit_figures, duplicates, splits
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.errors import FerError

OFFICIAL = config.Split(protocol="official", val_fraction=0.2, drop_leaks=False, hash_distance=10, correlation=0.9)


def settings(**changes: object) -> config.Split:
    return OFFICIAL.model_copy(update=changes)


@pytest.fixture(scope="module")
def plain() -> Faces:
    return random_faces({"Training": 30, "PublicTest": 6, "PrivateTest": 6}, seed=3)


def rows(faces: Faces, usage: str, emotion: str) -> np.ndarray:
    return np.flatnonzero((faces.table["usage"] == usage) & (faces.table["emotion"] == emotion))


@pytest.fixture(scope="module")
def planted(plain: Faces) -> tuple[Faces, dict[str, int]]:
    """Copies of training faces: exact, near and mirrored in test, one in val; a conflict; two blank images."""
    images = plain.images.copy()
    at = {
        "angry": rows(plain, "Training", "angry")[0],
        "exact": rows(plain, "PrivateTest", "angry")[0],
        "fear": rows(plain, "Training", "fear")[0],
        "near": rows(plain, "PrivateTest", "fear")[0],
        "happy": rows(plain, "Training", "happy")[0],
        "mirrored": rows(plain, "PrivateTest", "happy")[0],
        "sad": rows(plain, "Training", "sad")[0],
        "val": rows(plain, "PublicTest", "sad")[0],
        "conflict": rows(plain, "Training", "neutral")[0],
        "blank train": rows(plain, "Training", "surprise")[0],
        "blank test": rows(plain, "PrivateTest", "surprise")[0],
    }
    rng = np.random.default_rng(0)
    images[at["exact"]] = images[at["angry"]]
    noisy = images[at["fear"]] * 0.8 + 20 + rng.normal(0, 4, (48, 48))
    images[at["near"]] = noisy.clip(0, 255).astype(np.uint8)
    images[at["mirrored"]] = images[at["happy"]][:, ::-1]
    images[at["val"]] = images[at["conflict"]] = images[at["sad"]]
    images[at["blank train"]] = images[at["blank test"]] = 0
    return Faces(images, plain.table), at


def test_copies_are_found_and_nothing_else(plain: Faces, planted: tuple[Faces, dict[str, int]]) -> None:
    faces, at = planted
    found = duplicates.find(faces.images, 10, 0.9)
    for one, other in (("angry", "exact"), ("sad", "val"), ("sad", "conflict")):
        assert found.exact[at[one]] == found.exact[at[other]] >= 0
    for one, other in (("angry", "exact"), ("fear", "near"), ("happy", "mirrored"), ("sad", "conflict")):
        assert found.near[at[one]] == found.near[at[other]] >= 0
    assert (found.exact >= 0).sum() == 5
    assert (found.near >= 0).sum() == 9
    assert set(np.flatnonzero(found.blank)) == {at["blank train"], at["blank test"]}
    clean = duplicates.find(plain.images, 10, 0.9)
    assert (clean.near == -1).all()
    assert not clean.blank.any()


@pytest.mark.slow
@pytest.mark.parametrize("limit", [duplicates._MAX_PAIRS, 50])
def test_large_groups_stay_whole(monkeypatch: pytest.MonkeyPatch, plain: Faces, limit: int) -> None:
    monkeypatch.setattr(duplicates, "_MAX_PAIRS", limit)
    monkeypatch.setattr(duplicates, "_TILE", 64)
    rng = np.random.default_rng(0)
    frames = (plain.images[0] // 2 + rng.integers(0, 3, (300, 48, 48))).astype(np.uint8)
    found = duplicates.find(np.concatenate([frames, plain.images[1:]]), 10, 0.9)
    assert (found.near[:300] == 0).all()
    assert (found.near[300:] == -1).all()


@pytest.mark.parametrize("side", [32, 224])
def test_copies_are_found_at_every_size(planted: tuple[Faces, dict[str, int]], side: int) -> None:
    expected = duplicates.find(planted[0].images, 10, 0.9)
    resized = np.stack([cv2.resize(image, (side, side)) for image in planted[0].images])
    found = duplicates.find(resized, 10, 0.9)
    for kind in ("exact", "near", "blank"):
        np.testing.assert_array_equal(getattr(found, kind), getattr(expected, kind))


def test_few_faces_at_a_time_give_the_same(plain: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, np.linspace(10, 60, 200)[:, None, None], (200, 48, 48))
    frames = (np.repeat(plain.images[:40] // 2, 5, axis=0) + noise).astype(np.uint8)
    frames[::7] = frames[::7, :, ::-1]
    expected = duplicates.find(frames, 10, 0.9)
    assert 20 < (expected.near >= 0).sum() < 180, "pairs on both sides of the threshold"
    monkeypatch.setattr(duplicates, "_PIXELS", 3 * 48 * 48)
    monkeypatch.setattr(duplicates, "_TILE", 50)
    np.testing.assert_array_equal(duplicates.find(frames, 10, 0.9).near, expected.near)


def test_no_faces_and_one_value(plain: Faces) -> None:
    assert duplicates.find(np.zeros((5, 48, 48), np.uint8), 10, 0.9).near.tolist() == [-1] * 5
    assert len(duplicates.find(plain.images[:0], 10, 0.9).near) == 0


def test_official_and_its_audit(planted: tuple[Faces, dict[str, int]]) -> None:
    faces, at = planted
    table, audit = splits.make(faces, OFFICIAL, 0)
    assert tuple(table.columns) == splits.COLUMNS
    assert table["row"].tolist() == list(range(len(faces)))
    assert table.loc[at["blank train"], ["split", "reason"]].tolist() == ["excluded", "blank"]
    assert table.loc[at["blank test"], "split"] == "test"
    unseen = table.loc[table["split"] == "test", "unseen"]
    assert (~unseen).sum() == 3
    assert not table.loc[table["split"] != "test", "unseen"].any()
    assert audit["blank"] == {"all": 2, "train": 0, "val": 0, "test": 1, "excluded": 1}
    assert audit["excluded"] == {"blank": 1, "leak": 0, "unused": 0}
    assert audit["exact_duplicates"]["leaks"]["train_test"] == {"groups": 1, "train": 1, "test": 1}
    near = audit["near_duplicates"]
    assert near["leaks"]["train_test"] == {"groups": 3, "train": 3, "test": 3}
    assert near["leaks"]["train_val"] == {"groups": 1, "train": 2, "val": 1}
    assert (near["label_conflict_groups"], near["label_conflict_faces"]) == (1, 3)
    assert audit["test_unseen"]["all"] == 7 * 6 - 3
    assert json.dumps(artifacts.rounded(audit)) == json.dumps(artifacts.rounded(splits.make(faces, OFFICIAL, 0)[1]))


def test_drop_leaks(planted: tuple[Faces, dict[str, int]]) -> None:
    faces, at = planted
    table, audit = splits.make(faces, settings(drop_leaks=True), 0)
    dropped = {at[name] for name in ("angry", "fear", "happy", "sad", "conflict")}
    assert set(np.flatnonzero(table["reason"] == "leak")) == dropped
    assert audit["excluded"]["leak"] == 5
    assert audit["test_unseen"]["all"] == 7 * 6
    assert audit["near_duplicates"]["leaks"]["train_test"]["train"] == 3, "counted as found, before the drop"


def test_stratified_keeps_copies_together(planted: tuple[Faces, dict[str, int]]) -> None:
    faces, at = planted
    table, audit = splits.make(faces, settings(protocol="stratified"), 5)
    assert (table.loc[faces.table["usage"] == "PublicTest", "reason"] == "unused").all()
    assert audit["near_duplicates"]["leaks"]["train_val"]["groups"] == 0
    assert all(5 <= audit["faces"]["val"][emotion] <= 7 for emotion in EMOTIONS)
    assert table.loc[at["sad"], "split"] == table.loc[at["conflict"], "split"]
    again, _ = splits.make(faces, settings(protocol="stratified"), 5)
    other, _ = splits.make(faces, settings(protocol="stratified"), 6)
    assert table.equals(again)
    assert not table.equals(other)


@pytest.mark.parametrize("protocol", ["official", "stratified", "combined"])
def test_members(planted: tuple[Faces, dict[str, int]], protocol: str, tmp_path: Path) -> None:
    faces, _ = planted
    table, _ = splits.make(faces, settings(protocol=protocol), 0)
    artifacts.write_table(tmp_path / "splits.csv", table)
    sets = splits.members(artifacts.read_table(tmp_path / "splits.csv"), protocol)
    usage = faces.table["usage"].to_numpy(str)
    both = np.flatnonzero(usage != "Training")
    np.testing.assert_array_equal(sets["test_combined"], both)
    expected = both if protocol == "combined" else np.flatnonzero(usage == "PrivateTest")
    np.testing.assert_array_equal(sets["test"], expected)
    assert set(sets["test_unseen"]) < set(np.flatnonzero(usage == "PrivateTest"))
    assert not set(sets["train"]) & (set(sets["val"]) | set(sets["test"]))
    if protocol != "stratified":
        np.testing.assert_array_equal(sets["val"], np.flatnonzero(usage == "PublicTest"))


def test_a_class_without_a_face_is_named(plain: Faces) -> None:
    kept = ~((plain.table["usage"] == "PublicTest") & (plain.table["emotion"] == "disgust")).to_numpy()
    faces = Faces(plain.images[kept], plain.table[kept].reset_index(drop=True))
    with pytest.raises(FerError, match="val has no face of disgust"):
        splits.make(faces, OFFICIAL, 0)


@pytest.mark.slow
def test_figures(planted: tuple[Faces, dict[str, int]], plain: Faces, tmp_path: Path) -> None:
    for name, faces in (("planted", planted[0]), ("plain", plain)):
        table, _ = splits.make(faces, OFFICIAL, 0)
        audit_figures.draw_audit(faces, table, tmp_path / name)
        files = {path.name for path in (tmp_path / name).iterdir()}
        assert files == {"samples.png", "distribution.png", "classes.csv", "leaks.png", "conflicts.png"}
    assert len(audit_figures.leak_entries(*_pair(planted[0]))) == 3
    assert len(audit_figures.conflict_entries(*_pair(planted[0]))) == 1
    assert audit_figures.leak_entries(*_pair(plain)) == []


@pytest.mark.slow
@pytest.mark.parametrize("side", [224, 32])
def test_the_sheets_show_other_sizes_as_fer2013_s(
    planted: tuple[Faces, dict[str, int]], tmp_path: Path, side: int
) -> None:
    table, _ = splits.make(planted[0], OFFICIAL, 0)
    audit_figures.draw_audit(planted[0], table, tmp_path / "usual")
    resized = np.stack([cv2.resize(image, (side, side)) for image in planted[0].images])
    audit_figures.draw_audit(Faces(resized, planted[0].table), table, tmp_path / "other")
    for name in ("samples.png", "leaks.png", "conflicts.png"):
        usual, other = (tmp_path / folder / name for folder in ("usual", "other"))
        assert Image.open(other).size == Image.open(usual).size
        assert other.stat().st_size < 1.5 * usual.stat().st_size


def test_the_order_of_the_leaks_is_not_the_processor_s(plain: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    images = plain.images.copy()
    for emotion in EMOTIONS:
        images[rows(plain, "PrivateTest", emotion)[0]] = images[rows(plain, "Training", emotion)[0]]
    pair = _pair(Faces(images, plain.table))
    expected = audit_figures.leak_entries(*pair)
    assert len(expected) == len(EMOTIONS)
    correlate, last_digits = np.corrcoef, np.random.default_rng(0)
    monkeypatch.setattr(np, "corrcoef", lambda *pixels: correlate(*pixels) + last_digits.normal(0, 1e-15))
    assert audit_figures.leak_entries(*pair) == expected


def _pair(faces: Faces) -> tuple[Faces, pd.DataFrame]:
    return faces, splits.make(faces, OFFICIAL, 0)[0]
