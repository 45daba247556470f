"""The sizes that the whole project agrees on."""

from typing import Final

FACE: Final = 48
"""Side in pixels of FER2013's faces, and of every face unless `data.size` says otherwise."""

POINTS: Final = 478
"""Landmarks of a face: MediaPipe's Face Mesh with the refined eyes and lips."""

MAX_LANDMARK_VIEWS: Final = 16
"""Views of a face that are averaged at most."""

LANDMARK_BORDERS: Final = (0.0, 1.0)
"""How much of a face's edge is repeated around it for the detector at least and at most, in sides of the face."""
