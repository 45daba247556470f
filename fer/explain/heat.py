"""Colours of a heat map: warm where a place speaks for the emotion, cold where it speaks against it."""

import numpy as np

STRONGEST = 0.72  # share of the colour at the strongest place: the face must be seen through it
_WARM = ((255, 214, 0), (213, 0, 0))  # from weak to strong, RGB
_COLD = ((128, 216, 255), (0, 60, 180))
FOR, AGAINST = "#D50000", "#003CB4"


def colours(values: np.ndarray, strongest: float) -> np.ndarray:
    """Colours of a map, to be laid over a picture.

    Args:
        values: float [h, w].
        strongest: the amount that gets the fullest colour.

    Returns:
        float32 [h, w, 4]: RGB of 0 .. 255, multiplied by the alpha in the last place, 0 .. 1.
    """
    share = np.clip(np.abs(values) / max(strongest, 1e-9), 0, 1)[..., None]
    warm, cold = (np.array(weak) + share * (np.array(strong) - weak) for weak, strong in (_WARM, _COLD))
    alpha = STRONGEST * share
    tint = np.where(values[..., None] > 0, warm, cold)
    return np.concatenate([tint * alpha, alpha], axis=-1).astype(np.float32)


def over(picture: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """A picture uint8 [H, W, 3] under a layer of `colours`, float32 [H, W, 4]; uint8 [H, W, 3]."""
    mixed = picture * (1 - layer[..., 3:]) + layer[..., :3]
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8)
