"""What is found out about a model: maps of a network whose evidence is known, and the numbers that judge them."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from fer import artifacts, inputs, models, paths
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.evaluation import explain, explain_figures, predictions
from fer.evaluation.subject import CAM, OCCLUSION, Subject, curves, rank_correlation, shuffled
from fer.landmarks import areas
from fer.landmarks.extract import FaceLandmarks
from fer.models.base import FaceModel

CPU = torch.device("cpu")
AREAS = list(areas.AREAS)


class Corner(FaceModel):
    """Sees detail in the upper left corner, and nothing else: the more, the happier. Its head is linear."""

    inputs = ("pixels",)
    image_size = 48
    has_feature_map = True

    def __init__(self) -> None:
        super().__init__()
        self.detail = nn.Conv2d(1, 2, 3, padding=1, bias=False)
        self.head = nn.Linear(2, 7)
        with torch.no_grad():
            self.detail.weight.copy_(torch.tensor([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]).expand(2, 1, 3, 3) / 8)
            self.head.weight.zero_()[EMOTIONS.index("happy")] = 0.5

    def explained(self, pixels):
        corner = torch.zeros(48, 48)
        corner[4:18, 4:18] = 1
        features = (self.detail(pixels.float().unsqueeze(1)) * corner).relu()[:, :, 1:-1, 1:-1]
        return self.head(features.mean((2, 3))), features, self.head.weight.unsqueeze(0)

    def forward(self, pixels):
        return self.explained(pixels)[0]


class Mouth(FaceModel):
    """Goes by the landmarks of the mouth."""

    inputs = ("landmarks",)

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(478 * 3, 7, bias=False)
        mouth = torch.from_numpy(areas.masks()[AREAS.index("mouth")]).float().repeat_interleave(3)
        with torch.no_grad():
            self.head.weight.zero_()[EMOTIONS.index("happy")] = mouth / 30

    def forward(self, landmarks):
        return self.head(landmarks.nan_to_num(0).flatten(1))


def noise(count=1):
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), np.uint8)


@pytest.mark.parametrize("method", [CAM, OCCLUSION])
def test_maps_name_the_places_that_matter(method):
    subject, face = Subject(Corner().eval(), CPU, 64), {"pixels": noise()}
    assert subject.ways == [("pixels", CAM), ("pixels", OCCLUSION)]
    happy = EMOTIONS.index("happy")
    values = subject.map_of(face, ("pixels", method))[happy]
    assert values.shape == (48, 48)
    assert values[4:18, 4:18].mean() > 3 * np.abs(values[24:, 24:]).mean()
    deletion, insertion = curves(subject, face, "pixels", values, happy)
    worst = curves(subject, face, "pixels", -values, happy)
    assert deletion < worst[0]
    assert insertion > worst[1]


def test_the_curves_are_the_areas_of_known_ones():
    class Counts:
        def answer(self, values):
            share = np.isnan(values["landmarks"][..., 0]).mean(axis=1)
            return np.stack([1 - share, share], axis=1)

    face = {"landmarks": np.ones((1, 478, 3), np.float32)}
    found = curves(Counts(), face, "landmarks", np.arange(478.0), 0)
    np.testing.assert_allclose(found, [0.5, 0.5], atol=0.01)  # 1 falls to 0, and 0 rises to 1


def test_an_area_of_landmarks_holds_the_evidence():
    subject = Subject(Mouth().eval(), CPU, 64)
    face = {"landmarks": np.ones((1, 478, 3), np.float32)}
    assert subject.ways == [("landmarks", OCCLUSION)]
    values = subject.map_of(face, subject.ways[0])[EMOTIONS.index("happy")]
    mouth = areas.masks()[AREAS.index("mouth")]
    assert values[mouth].min() > 5 * np.abs(values[~mouth]).max()


def test_a_shuffled_network_has_learned_nothing_and_leaves_the_other_as_it_is():
    network = Corner().eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    other = shuffled(network)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    for key, weights in other.state_dict().items():
        assert torch.equal(weights.flatten().sort()[0], before[key].flatten().sort()[0])
    assert not torch.equal(other.head.weight, network.head.weight)


def test_rank_correlation():
    one = np.arange(12.0).reshape(3, 4)
    assert rank_correlation(one, one**3) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.ones((3, 4))) == 0


class NoLandmarks:
    """Stands for a Locator: finds the same points in every face but the first."""

    def __init__(self, settings):
        pass

    def locate(self, crops):
        points = np.random.default_rng(0).random((len(crops), 478, 3)).astype(np.float32)
        points[: len(crops) > 1] = np.nan
        return points


@pytest.mark.slow
@pytest.mark.parametrize("network", [Corner, Mouth])
def test_a_model_as_a_whole(network, params, change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(explain, "Locator", NoLandmarks)
    monkeypatch.setattr("fer.inputs.pixels.PATCHES", 4)  # for speed
    monkeypatch.setattr(models, "load", lambda path, name: (network().eval(), {}))
    params = change(params, train=change(params.train, device="cpu"))
    count = 28
    emotion = [EMOTIONS[number % 7] for number in range(count)]
    table = pd.DataFrame({"name": map(str, range(count)), "usage": "PublicTest", "emotion": emotion})
    Faces(noise(count), table).save(paths.FACES)
    points = np.random.default_rng(0).normal(size=(count, 478, 3)).astype(np.float32)
    points[0] = np.nan
    FaceLandmarks(points, np.ones(count, np.uint8)).save(paths.LANDMARKS)
    values = inputs.load(network.inputs, paths.DATA)
    known = np.asarray(inputs.known(values))
    answers = Subject(network().eval(), CPU, 64).answer(values)
    scored = pd.DataFrame({"row": range(count), "split": "val", "emotion": emotion})
    predictions.write("toy", predictions.make(scored, answers, None, known, {}))

    findings = explain.explain("toy", params, each=1)
    artifacts.write_json("toy.json", findings.metrics)  # which takes finite numbers only
    name = network.inputs[0]
    assert findings.metrics["faces"] == 7
    own = findings.metrics[name]
    assert set(own) == {"areas", OCCLUSION} | ({CAM} if network is Corner else set())
    for method in set(own) - {"areas"}:
        assert set(own[method]) == {"deletion", "deletion_random", "insertion", "insertion_random", "randomised"}
        assert own[method]["deletion"] <= own[method]["deletion_random"] + 0.02
    if network is Mouth:
        assert max(own["areas"]["happy"], key=lambda area: abs(own["areas"]["happy"][area])) == "mouth"
    assert all(1 <= len(examples) <= 2 for examples in findings.examples.values())
    artifacts.write_figure("maps.png", explain_figures.mean_maps(findings))
    artifacts.write_figure("faces.png", explain_figures.faces(findings))
    assert min(min(Image.open(path).size) for path in ("maps.png", "faces.png")) > 150
