"""A trained network that is asked about its answers, and numbers that would show its heat maps to be worthless."""

import copy
from collections.abc import Iterator

import numpy as np
import torch

from fer import inputs
from fer.evaluation import predict
from fer.explain import maps
from fer.inputs.poses import Pose
from fer.models.base import FaceModel

CAM, OCCLUSION = "cam", "occlusion"
_STEPS = 10  # in which a face is hidden or shown

Way = tuple[str, str]  # an input of the model, and the method by which it is explained


class Subject:
    """A network that answers questions about its answers, in one view of a face.

    Args:
        network: in evaluation mode; it is moved to the device.
        where: the device on which it runs.
        batch: faces at a time.
    """

    def __init__(self, network: FaceModel, where: torch.device, batch: int) -> None:
        self.network, self._where, self._batch = network.to(where), where, batch
        self.ways = list(self._ways())

    def _ways(self) -> Iterator[Way]:
        for name in self.network.inputs:
            if is_picture(name) and self.network.has_feature_map:
                yield name, CAM
            yield name, OCCLUSION

    def answer(self, values: inputs.Arrays) -> np.ndarray:
        """Probabilities float32 [n, 7] of inputs [n, ...]."""
        return next(predict.probabilities(self.network, values, [Pose()], self._batch, self._where))

    def map_of(self, face: inputs.Arrays, way: Way) -> np.ndarray:
        """The evidence for each emotion over the places of an input, float32 [7, ...], of one face [1, ...]."""
        name, method = way
        size = face[name].shape[-1] if is_picture(name) else 0
        if method == OCCLUSION:
            return maps.occlusion(self.answer, face, name, inputs.KINDS[name].parts(size))
        with torch.inference_mode(), predict.full_precision():
            _, features, weights = self.network.explained(**inputs.to_tensors(face, self._where))
        found = maps.class_maps(features.detach().cpu().numpy(), weights.detach().cpu().numpy())
        return maps.over_crops(found, Pose(), size)[0]


def is_picture(name: str) -> bool:
    """Whether the places of an input are those of a picture, not landmarks."""
    return inputs.KINDS[name].parts(8).ndim == 3


def shuffled(network: FaceModel, seed: int = 0) -> FaceModel:
    """A copy of a network that has learned nothing: the values of each weight tensor have changed places."""
    other, generator = copy.deepcopy(network), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in other.parameters():
            order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
            weights.copy_(weights.flatten()[order].view_as(weights))
    return other.eval()


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two maps; 0 where one of them is the same everywhere."""
    from scipy.stats import spearmanr

    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def curves(subject: Subject, face: inputs.Arrays, name: str, values: np.ndarray, emotion: int) -> tuple[float, float]:
    """The areas under the curves of deletion and insertion, 0 .. 1, by the order of a map.

    Args:
        subject: the network.
        face: one face, [1, ...].
        name: of the input in which places are hidden.
        values: a map over its places, float [...].
        emotion: whose probability is followed.
    """
    ranks = np.empty(values.size)
    ranks[np.argsort(-values, axis=None, kind="stable")] = (np.arange(values.size) + 0.5) / values.size
    shares = np.linspace(0, 1, _STEPS + 1).reshape(-1, *[1] * values.ndim)
    gone = (ranks.reshape(1, *values.shape) < shares).astype(np.float32)
    masks = np.concatenate([gone, 1 - gone])
    repeated = {key: np.repeat(own, len(masks), axis=0) for key, own in face.items()}
    hidden = repeated | {name: inputs.KINDS[name].hide(repeated[name], masks)}
    chances = subject.answer(hidden)[:, emotion].reshape(2, -1)
    deletion, insertion = np.trapezoid(chances, dx=1 / _STEPS, axis=1)
    return float(deletion), float(insertion)
