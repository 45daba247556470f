"""Covered mouths and drawings are told, others are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fer.inference import crop_traits
from fer.inference.crop import Detection, crop_face
from fer.inference.detect import Detector
from fer.inference.quality import HeadPose, quality
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
    np.testing.assert_allclose(crop_traits.features(crops), crop_traits.features(crops + 80), atol=1e-4)
    assert crop_traits.features(crops).shape == (4, 656)


def cartoon():
    """A drawn face of plain areas in grey, uint8 [400, 400], and the box around it."""
    picture = Image.new("RGB", (400, 400), "#dfe8ef")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((110, 60, 290, 250), fill="#5b3a24")  # hair
    draw.ellipse((125, 90, 275, 300), fill="#eebc88")
    for x in (165, 235):
        draw.ellipse((x - 18, 168, x + 18, 192), fill="white")
        draw.ellipse((x - 9, 171, x + 9, 189), fill="#2a1a10")
        draw.arc((x - 24, 145, x + 24, 180), 200, 340, fill="#40270f", width=6)
    draw.line((200, 185, 193, 222, 205, 224), fill="#b97f4f", width=4)
    draw.chord((165, 235, 235, 275), 0, 180, fill="#8c2f2f")
    return np.asarray(picture.convert("L")), (115, 75, 170, 225)


def test_a_drawing_is_a_reason_against_a_face_and_a_photo_is_none():
    picture, box = cartoon()
    photo = np.asarray(Image.open(PHOTO).convert("L"))
    faces = [(picture, Detection(box, 0.9)), (photo, Detector(1).find(photo)[0])]
    reasons = [quality(found, HeadPose(0, 0), crop_face(image, found))[1] for image, found in faces]
    assert reasons == [("looks like a drawing",), ()]
