"""The models that come with the package are those that were measured."""

import json

import pytest
from fer.export.task import DRAWN_FACES, PRETRAINED, score_drawn

from fer.inference import detect
from fer.inference.network import Network
from fer.models import MODELS
from tests.known_params import TOP

NAMES = sorted(path.stem for path in (TOP / PRETRAINED).glob("*.onnx"))


def read(path):
    return json.loads((TOP / path).read_text())


@pytest.mark.parametrize("model", NAMES)
def test_a_file_answers_as_when_it_was_measured(model):
    measured = read(f"metrics/export/{model}.json")
    # Eight bits are added up differently on other processors: two faces may tip over.
    assert score_drawn(TOP / PRETRAINED / f"{model}.onnx") == pytest.approx(measured["drawn"], abs=2.1 / DRAWN_FACES)
    assert measured["drawn"] > 1.5 / 7
    assert measured["float32"]["same_label"] == 1
    assert measured["float32"]["largest_difference"] <= 1e-4


@pytest.mark.parametrize("model", NAMES)
def test_a_file_says_what_the_metrics_say(model):
    about = Network(TOP / PRETRAINED / f"{model}.onnx").about
    detail = read(f"metrics/detail/{model}.json")
    assert about.name == model
    assert about.val == read(f"metrics/export/{model}.json")["float32"]["val"]
    assert about.test == detail["test_single_view"]["accuracy"]
    assert len(about.weights) == 64


def test_together_they_are_small():
    files = [*(TOP / PRETRAINED).rglob("*.onnx")]
    assert detect.network() in files
    assert sorted(MODELS) == NAMES
    assert sum(path.stat().st_size for path in files) <= 25e6


def test_eight_bits_cost_little():
    measured = read("metrics/export/cnn.json")
    assert measured["int8"]["val"] >= measured["float32"]["val"] - 0.003
    assert measured["int8"]["megabytes"] < measured["float32"]["megabytes"] / 2
