"""What a trained model goes by: heat maps of faces of val, and numbers that say how far they can be trusted.

Three questions, each with a number that would show a map to be worthless:

- Does a map depend on what the network has learned? `randomised` is the rank correlation of its maps with those of the
  same network after each of its weight tensors was shuffled (Adebayo et al. 2018): near 1, they show the face alone.
- Do the places it names matter? `deletion` and `insertion` are the areas under the probability of the answer while
  places are hidden, or shown, in the order of the map (Petsiuk et al. 2018), beside the same for random maps: deletion
  should be lower, insertion higher.
- Which areas of the face hold the evidence for each emotion? `areas` is what hiding an area costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fer import config, device, inputs, models, paths, progress
from fer.data.faces import Faces
from fer.emotions import EMOTIONS, INDEX
from fer.errors import FerError
from fer.evaluation import predictions
from fer.evaluation.predictions import Predictions
from fer.evaluation.subject import Subject, Way, curves, is_picture, rank_correlation, shuffled
from fer.explain import maps
from fer.landmarks import areas
from fer.landmarks.extract import Locator
from fer.landmarks.views import LandmarkSettings


@dataclass
class Findings:
    """What was found out about a model.

    Attributes:
        name: of the model.
        metrics: the content of `metrics/explain/<name>.json`.
        means: of each way, the mean map of each emotion over the faces that show it, float32 [7, ...].
        picture: the mean of the faces that show each emotion, float32 [7, S, S].
        points: the mean face, float32 [478, 2] in sides of a picture; None if no face has landmarks.
        examples: by emotion, the most confident hit and miss.
    """

    name: str
    metrics: dict[str, Any]
    means: dict[Way, np.ndarray]
    picture: np.ndarray
    points: np.ndarray | None
    examples: dict[str, "list[Example]"] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A face and why the model answers as it does.

    Attributes:
        crop: uint8 [S, S].
        answer: the emotion that the model names.
        chance: its probability.
        way: how it is explained.
        values: the evidence for the answer over the places of the input, float32 [...].
        points: where the landmarks lie in the crop, float32 [478, 2] in sides, NaN where none were found.
    """

    crop: np.ndarray
    answer: str
    chance: float
    way: Way
    values: np.ndarray
    points: np.ndarray


def explain(
    name: str, params: config.Params, each: int, data: Path = paths.DATA, trained: Path = paths.MODELS
) -> Findings:
    """Look into a trained model.

    Args:
        name: of the model.
        params: `train.device`, `evaluate.batch_size` and `landmarks` are used.
        each: how many faces of each emotion are looked at.
        data: the pipeline's data.
        trained: the folder of the models' folders.

    Raises:
        FerError: an artefact is missing or damaged, or val has no face that the model knows.
    """
    network, _ = models.load(trained / name, name)
    where = torch.device(device.choose(params.train.device))
    subject, blank = (Subject(own, where, params.evaluate.batch_size) for own in (network, shuffled(network)))
    faces, answers = Faces.load(data / "faces"), predictions.read(name)
    val = answers.table["split"].eq("val").to_numpy() & answers.known
    if not val.any():
        raise FerError(f"val has no face that the {name} knows. Check metrics/data.json.")
    stored = inputs.load(network.inputs, data)
    locator = Locator(LandmarkSettings.from_dict(params.landmarks.model_dump(exclude={"workers"})))
    rows = _sample(answers, val, each)
    labels = faces.labels[rows]
    points = locator.locate(np.asarray(faces.images[rows]))[..., :2]

    rng = np.random.default_rng(0)
    found: dict[Way, list[np.ndarray]] = {way: [] for way in subject.ways}
    scores: dict[Way, list[dict[str, float]]] = {way: [] for way in subject.ways}
    lost: dict[str, list[np.ndarray]] = {key: [] for key in network.inputs}
    with progress.bar(f"{name}: explain", len(rows), "faces") as advance:
        for row, landmarks in zip(rows, points, strict=True):
            face = inputs.select(stored, slice(row, row + 1))
            answer = int(subject.answer(face)[0].argmax())
            for way in subject.ways:
                own = subject.map_of(face, way)
                found[way].append(own)
                scores[way].append(_scores(subject, blank, face, way, own, answer, rng))
            for key, losses in lost.items():
                losses.append(_areas(subject, face, key, landmarks))
            advance()
    crops = np.asarray(faces.images[rows], np.float32)[:, None].repeat(len(EMOTIONS), axis=1)
    means = {way: _by_emotion(np.stack(own), labels) for way, own in found.items()}
    findings = Findings(
        name, _metrics(rows, scores, lost, labels), means, _by_emotion(crops, labels), _mean_face(points)
    )
    for emotion, chosen in _extremes(answers, val).items():
        findings.examples[emotion] = [_example(subject, stored, faces, locator, row) for row in chosen]
    return findings


def _sample(answers: Predictions, val: np.ndarray, each: int) -> np.ndarray:
    """Rows of faces of val that the model knows, drawn at random, so many of each emotion; ascending."""
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(answers.rows[val & (answers.labels == emotion)])[:each] for emotion in INDEX.values()]
    return np.sort(np.concatenate(drawn))


def _scores(
    subject: Subject, blank: Subject, face: inputs.Arrays, way: Way, own: np.ndarray, answer: int, rng: Any
) -> dict[str, float]:
    """The numbers of one face: its map against random ones, and against the map of a network that knows nothing."""
    name, _ = way
    parts = inputs.KINDS[name].parts(own.shape[-1])  # a random map is as smooth as those of occlusion
    random = np.tensordot(rng.normal(size=len(parts)), parts, axes=1)
    deletion, insertion = curves(subject, face, name, own[answer], answer)
    deletion_random, insertion_random = curves(subject, face, name, random, answer)
    return {
        "deletion": deletion,
        "deletion_random": deletion_random,
        "insertion": insertion,
        "insertion_random": insertion_random,
        "randomised": rank_correlation(own[answer], blank.map_of(face, way)[answer]),
    }


def _areas(subject: Subject, face: inputs.Arrays, name: str, points: np.ndarray) -> np.ndarray:
    """What hiding each area of the face costs, float [6, 7]; NaN where nobody knows where they lie."""
    masks = inputs.KINDS[name].parts(face[name].shape[-1])
    if is_picture(name):
        if np.isnan(points).any():
            return np.full((len(areas.AREAS), len(EMOTIONS)), np.nan)
        masks = areas.painted(points, areas.masks().astype(float), face[name].shape[-1])
    return maps.losses(subject.answer, face, name, masks)


def _metrics(
    rows: np.ndarray, scores: Mapping[Way, list[dict[str, float]]], lost: Mapping[str, list[np.ndarray]], labels: Any
) -> dict[str, Any]:
    content: dict[str, Any] = {"faces": len(rows)}
    for name, losses in lost.items():
        by_emotion = _by_emotion(np.stack(losses).transpose(0, 2, 1), labels)
        named = {emotion: dict(zip(areas.AREAS, by_emotion[index], strict=True)) for emotion, index in INDEX.items()}
        content[name] = {"areas": {key: own for key, own in named.items() if np.isfinite(list(own.values())).all()}}
    for (name, method), faces in scores.items():
        content[name][method] = {key: float(np.mean([face[key] for face in faces])) for key in faces[0]}
    return content


def _by_emotion(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each emotion, the mean of its own values [n, 7, ...] over the faces that show it, without those of NaN."""
    own = [values[labels == emotion, emotion] for emotion in INDEX.values()]
    known = [part[~np.isnan(part.reshape(len(part), -1)).any(axis=1)] for part in own]
    return np.stack([part.mean(axis=0) if len(part) else np.full(values.shape[2:], np.nan) for part in known])


def _mean_face(points: np.ndarray) -> np.ndarray | None:
    found = points[~np.isnan(points).any(axis=(1, 2))]
    return found.mean(axis=0) if len(found) else None


def _extremes(answers: Predictions, val: np.ndarray) -> dict[str, list[int]]:
    """By emotion, the row of the face that the model is surest of and right, and of the one where it is wrong."""
    chances = answers.probabilities if answers.single_view is None else answers.single_view
    right, surest = chances.argmax(axis=1) == answers.labels, chances.max(axis=1)
    found: dict[str, list[int]] = {}
    for emotion, index in INDEX.items():
        groups = [np.flatnonzero(val & (answers.labels == index) & (right == is_right)) for is_right in (True, False)]
        found[emotion] = [int(answers.rows[group[surest[group].argmax()]]) for group in groups if len(group)]
    return found


def _example(subject: Subject, stored: inputs.Arrays, faces: Faces, locator: Locator, row: int) -> Example:
    face, crop = inputs.select(stored, slice(row, row + 1)), np.array(faces.images[row])
    chances, way = subject.answer(face)[0], subject.ways[0]
    answer = int(chances.argmax())
    values = subject.map_of(face, way)[answer]
    return Example(crop, EMOTIONS[answer], float(chances[answer]), way, values, locator.locate(crop[None])[0, :, :2])
