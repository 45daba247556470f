import numpy as np
import pytest
from small_faces import random_faces

from fer.data.faces import Faces


def test_faces_are_square_and_of_any_size():
    table = random_faces({"Training": 1}).table
    for side in (32, 48, 224):
        assert len(Faces(np.zeros((7, side, side), np.uint8), table)) == 7
    for images in (np.zeros((7, 48, 40), np.uint8), np.zeros((6, 48, 48), np.uint8), np.zeros((7, 48, 48))):
        with pytest.raises(ValueError, match=r"uint8 \[7, S, S\]"):
            Faces(images, table)


def test_canonical_sorts_and_copies_only_what_is_not_in_order():
    faces = random_faces({"Training": 3, "PrivateTest": 1})
    mixed = np.random.default_rng(0).permutation(len(faces))
    again = Faces(faces.images[mixed], faces.table.iloc[mixed].reset_index(drop=True)).canonical()
    assert again.table.equals(faces.table)
    np.testing.assert_array_equal(again.images, faces.images)
    assert again.canonical().images is again.images
