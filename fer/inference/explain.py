"""Why an exported model gives a face its expression: heat maps over the crop, and over the photo."""

import math
from dataclasses import dataclass

import numpy as np

from fer import inputs
from fer.emotions import INDEX
from fer.errors import FerError
from fer.explain import CAM, METHODS, OCCLUSION, maps
from fer.inference.model_average import ModelAverage, resized
from fer.landmarks import areas

_MESH_SIDE = 128  # pixels of a map that is drawn on the mesh


class NotExplainable(FerError):
    """An explanation was asked for that can't be had: a wrong call."""

    exit_code = 2


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which places of a face speak for each emotion, as one model sees it in one of its inputs.

    Attributes:
        input: the name of the input.
        method: `cam` or `occlusion`.
        crop: the face as the model sees it, uint8 [S, S].
        maps: the evidence for each emotion (`fer.explain.maps`) over the crop, float32 [7, H, H].
        place: float [2, 3], takes a place in the crop (x, y, 1), in sides, to a pixel of the photo.
        points: where the landmarks lie in the crop, float32 [478, 2] in sides; None if the input is a picture.
        areas: the evidence for each emotion that an area of the face holds, float [7] by the area's name; empty if the
            input is a picture.
    """

    input: str
    method: str
    crop: np.ndarray
    maps: np.ndarray
    place: np.ndarray
    points: np.ndarray | None
    areas: dict[str, np.ndarray]

    def map_of(self, emotion: str) -> np.ndarray:
        """The map for one emotion, float32 [H, H]."""
        found: np.ndarray = self.maps[INDEX[emotion]]
        return found


class Explainer:
    """Explains the answers of one model. Several threads may share it.

    Args:
        models: holds the model.
        method: `occlusion`, of parts of a picture or of areas of the face; or `cam`, which needs a feature map in the
            model's file.

    Raises:
        NotExplainable: there is no such method, there are several models, or class activation maps can't be had.
    """

    def __init__(self, models: ModelAverage, method: str = OCCLUSION) -> None:
        if method not in METHODS:
            raise NotExplainable(f"There is no method {method!r}. There are: {', '.join(METHODS)}.")
        if len(models.networks) > 1:
            names = ", ".join(network.about.name for network in models.networks)
            raise NotExplainable(
                f"One model can be explained at a time, not the mean of {names}. Name one with --model."
            )
        self._models, self._network = models, models.networks[0]
        if method == CAM and not self._network.has_feature_map:
            raise NotExplainable(
                f"The file of {self._network.about.name} gives no feature map, so it has no class activation maps. "
                "Take --method occlusion, or a model on pixels that was exported by this version (`dvc repro export`)."
            )
        self._cam = method == CAM

    def explain(self, crop: np.ndarray, place: np.ndarray) -> tuple[Explanation, ...]:
        """Explain one face: an explanation for each input that has content.

        Args:
            crop: uint8 [S, S].
            place: as `Explanation.place`.
        """
        crop = resized(crop[None], self._network.about.size)[0]
        face = self._models.inputs_of(self._network, crop[None])
        known = [name for name, values in face.items() if inputs.KINDS[name].known(values)[0]]
        return tuple(self._explain(face, name, crop, place) for name in known)

    def _explain(self, face: inputs.Arrays, name: str, crop: np.ndarray, place: np.ndarray) -> Explanation:
        masks = inputs.KINDS[name].parts(len(crop))
        if masks.ndim == 2:  # its places are landmarks
            lost = maps.losses(self._answer, face, name, masks)
            points = self._models.locator(self._network).locate(crop[None])[0, :, :2]
            painted = areas.painted(points, lost.T @ masks, _MESH_SIDE)
            return Explanation(name, OCCLUSION, crop, painted, place, points, dict(zip(areas.AREAS, lost, strict=True)))
        if self._cam:
            return Explanation(name, CAM, crop, self._class_maps(face, len(crop)), place, None, {})
        found = maps.occlusion(self._answer, face, name, masks)
        return Explanation(name, OCCLUSION, crop, found, place, None, {})

    def _answer(self, values: inputs.Arrays) -> np.ndarray:
        return self._network.probabilities(values, self._models.views)

    def _class_maps(self, face: inputs.Arrays, size: int) -> np.ndarray:
        """The mean over the views in which the model answers, float32 [7, size, size]."""
        poses = inputs.poses(self._network.about.inputs)[: self._models.views]
        seen = (maps.over_crops(maps.class_maps(*self._network.feature_map(face, pose)), pose, size) for pose in poses)
        return np.stack([view[0] for view in seen]).mean(axis=0)


def placed(centre: np.ndarray, side: float, degrees: float) -> np.ndarray:
    """The `Explanation.place` of the square that `fer.inference.crop.crop_region` describes, float [2, 3]."""
    cosine, sine = side * math.cos(math.radians(degrees)), side * math.sin(math.radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, np.asarray(centre) - turn @ [0.5, 0.5]])
