import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fer import artifacts
from fer.data.faces import Faces
from fer.errors import FerError
from fer.landmarks import audit, extract
from stages.graphs import main as graphs_stage
from stages.landmarks import main as landmarks_stage
from tests import known_params


@pytest.mark.slow
def test_both_stages_write_what_they_promise(faces, landmarks, located, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extract, "extract", lambda images, settings, workers: landmarks)
    monkeypatch.setattr(extract.Locator, "locate", lambda self, images: located[: len(images)])
    known_params.write(tmp_path / "params.yaml")
    faces.save("data/faces")
    result = CliRunner().invoke(landmarks_stage, catch_exceptions=False)
    assert "Found landmarks in" in result.output
    metrics = artifacts.read_json("metrics/landmarks.json")
    assert metrics["faces"] == 70
    assert metrics["usage"]["PublicTest"]["faces"] == 7
    assert metrics["emotion"]["happy"]["faces"] == 10

    parts = {"row": range(70), "split": "train", "reason": "", "duplicate_group": -1, "unseen": False}
    splits = faces.table[["name"]].assign(**parts)
    artifacts.write_table("data/splits.csv", splits)
    result = CliRunner().invoke(graphs_stage, catch_exceptions=False)
    assert "157 edges join 160 of 478" in result.output
    assert artifacts.read_array("data/graphs/mean_face.npy").shape == (478, 3)
    assert artifacts.read_table("plots/graphs/edges.csv")["edges"].sum() == 157
    for picture in ("data/landmarks_found.png", "data/landmarks_missed.png", "graphs/graph.png"):
        assert (tmp_path / "plots" / picture).stat().st_size > 5_000


def test_the_audit_counts_views_and_refuses_a_set_without_faces(faces):
    points = np.zeros((70, 478, 3), np.float32)
    with pytest.raises(FerError, match="No landmarks were found in any of 70"):
        audit.audit(faces, extract.FaceLandmarks(points, np.zeros(70, np.uint8)), 2)
    views = np.array([2] * 60 + [1] * 6 + [0] * 4, np.uint8)
    metrics = audit.audit(faces, extract.FaceLandmarks(points, views), 3)
    assert metrics["found_by_views"] == {"0": 4, "1": 6, "2": 60, "3": 0}
    assert (metrics["found"], metrics["missed"]) == (66, 4)


def test_a_usage_without_faces_is_left_out(landmarks):
    table = pd.DataFrame({"name": ["a"], "usage": ["Training"], "emotion": ["sad"]})
    one = extract.FaceLandmarks(landmarks.points[:1], landmarks.views[:1])
    metrics = audit.audit(Faces(np.zeros((1, 48, 48), np.uint8), table), one, 2)
    assert list(metrics["usage"]) == ["Training"]
    assert list(metrics["emotion"]) == ["sad"]


def test_faces_that_are_not_divided_yet_have_no_usage(landmarks):
    table = pd.DataFrame({"name": ["a"], "usage": [""], "emotion": ["sad"]})
    one = extract.FaceLandmarks(landmarks.points[:1], landmarks.views[:1])
    assert audit.audit(Faces(np.zeros((1, 48, 48), np.uint8), table), one, 2)["usage"] == {}
