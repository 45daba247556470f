"""Covered mouths are told, others are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fer.inference import covered
from tests.inference.conftest import PHOTO, fer

# A mask in the photo's pixels: from the nose over the cheeks to the chin.
MASK = [(186, 118), (226, 112), (268, 122), (262, 160), (240, 180), (212, 180), (192, 158)]


def masked(tone):
    picture = Image.open(PHOTO).convert("RGB")
    ImageDraw.Draw(picture).polygon(MASK, fill=tone)
    return picture


@pytest.mark.slow
@pytest.mark.parametrize("tone", ["#e8f0f4", "#7fb2d8", "#1c1c20"])
def test_a_mask_is_a_reason_in_the_answer(photo, tone):
    masked(tone).save("masked.png")
    assert "[the mouth is covered]" in fer("predict", "masked.png").stdout
    assert "covered" not in fer("predict", photo).stdout


def test_something_else_that_is_covered_is_no_mouth(photo):
    picture = Image.open(PHOTO).convert("RGB")
    ImageDraw.Draw(picture).rectangle((185, 58, 265, 78), fill="#303030")  # a hat
    picture.save("hat.png")
    assert "covered" not in fer("predict", "hat.png").stdout


def test_a_crop_s_brightness_does_not_matter():
    crops = np.random.default_rng(0).integers(60, 120, (4, 48, 48)).astype(np.uint8)
    np.testing.assert_allclose(covered.features(crops), covered.features(crops + 80), atol=1e-4)
    assert covered.features(crops).shape == (4, 656)
