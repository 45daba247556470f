"""The two sizes that the whole project agrees on."""

from typing import Final

FACE: Final = 48
"""Side in pixels of FER2013's faces, and of every face unless `data.size` says otherwise."""

POINTS: Final = 478
"""Landmarks of a face: MediaPipe's Face Mesh with the refined eyes and lips."""
