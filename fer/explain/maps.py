"""Heat maps: which places of a face speak for each emotion, and which against it.

Adding a number to all logits changes no probability, so what counts is a logit less the mean of all seven: the
`evidence` for an emotion. A map holds, at each place, what that place adds to it.

- Class activation maps (Zhou et al. 2016) come from a network's last feature map and the weights of its channels.
- Occlusion (Zeiler and Fergus 2014) hides one part of a face after the other, and works for every model.
"""

from collections.abc import Callable, Mapping

import numpy as np

from fer import inputs
from fer.inputs.poses import Pose

Answer = Callable[[inputs.Arrays], np.ndarray]
"""From a model's inputs for n faces to its probabilities, float [n, 7]."""

_LEAST = 1e-9  # a probability: its logarithm is needed


def evidence(probabilities: np.ndarray) -> np.ndarray:
    """The evidence for each emotion: the logits, less their mean, of probabilities float [n, 7]."""
    logs = np.log(np.maximum(probabilities, _LEAST))
    return logs - logs.mean(axis=1, keepdims=True)


def class_maps(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The class activation maps of n faces, not yet less their mean.

    The mean of a map over its places is the logit but for a constant, if the network is linear behind the feature map.

    Args:
        features: float [n, C, h, w].
        weights: of the channels, float [n, 7, C].

    Returns:
        float [n, 7, h, w].
    """
    maps: np.ndarray = np.einsum("nkc,nchw->nkhw", weights, features)
    return maps


def over_crops(maps: np.ndarray, pose: Pose, size: int) -> np.ndarray:
    """Maps of the evidence over face crops, from class activation maps of one view.

    Args:
        maps: float [n, 7, h, w], of faces seen in the pose.
        pose: the view; mirrored maps are mirrored back, and so on.
        size: side of the crops in pixels.

    Returns:
        float32 [n, 7, size, size].
    """
    import cv2

    relative = (maps - maps.mean(axis=1, keepdims=True)).astype(np.float32)
    # `Pose.matrix` takes places in the view to places in the crop, in half sides from the middle.
    halves = np.array([[2 / size, 0, 1 / size - 1], [0, 2 / size, 1 / size - 1], [0, 0, 1]])
    matrix = (np.linalg.inv(halves) @ np.linalg.inv(np.vstack([pose.matrix(), [0, 0, 1]])) @ halves)[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = np.empty((*maps.shape[:2], size, size), np.float32)
    for index in np.ndindex(maps.shape[:2]):
        enlarged = cv2.resize(relative[index], (size, size), interpolation=cv2.INTER_CUBIC)
        found[index] = cv2.warpAffine(enlarged, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return found


def losses(answer: Answer, face: Mapping[str, np.ndarray], name: str, masks: np.ndarray) -> np.ndarray:
    """By how much the evidence for each emotion falls if parts of a face are hidden.

    Args:
        answer: of the model.
        face: the model's inputs for one face, [1, ...].
        name: of the input in which the parts are hidden; the others stay as they are.
        masks: of P parts, float [P, ...], as `fer.inputs.base.Input.parts` makes them.

    Returns:
        float [P, 7].
    """
    repeated = {key: np.repeat(values, len(masks), axis=0) for key, values in face.items()}
    hidden = repeated | {name: inputs.KINDS[name].hide(repeated[name], masks)}
    return evidence(answer(dict(face))) - evidence(answer(hidden))


def occlusion(answer: Answer, face: Mapping[str, np.ndarray], name: str, masks: np.ndarray) -> np.ndarray:
    """A map of the evidence by occlusion: at each place the mean loss of the parts that cover it.

    The arguments are those of `losses`.

    Returns:
        float32 [7, ...], over the places of the masks.
    """
    lost = losses(answer, face, name, masks)
    covered = np.maximum(masks.sum(axis=0), 1e-6)
    return (np.tensordot(lost.T, masks, axes=1) / covered).astype(np.float32)
