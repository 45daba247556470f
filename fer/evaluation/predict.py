"""From a network and faces to probabilities, in one view of a face or averaged over several (TTA)."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from fer.models.base import FaceModel, View


def probabilities(
    network: FaceModel, faces: np.ndarray, views: Sequence[View], batch: int, device: torch.device
) -> Iterator[np.ndarray]:
    """Class probabilities in each view, one array float32 [N, 7] a view, computed in float32.

    Args:
        network: in evaluation mode.
        faces: N of them, as `fer.models.inputs` makes them for the network.
        views: the ways of looking at them.
        batch: faces at a time.
        device: where the network runs.
    """
    network = network.to(device)
    for view in views:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(faces), batch):
                part = torch.from_numpy(np.ascontiguousarray(faces[start : start + batch])).to(device)
                parts.append(network(view(part)).softmax(1).cpu())
        yield torch.cat(parts).numpy()
