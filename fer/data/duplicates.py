"""Copies of faces: exact by their pixels, near by a perceptual hash confirmed by correlation.

The hash is Zauner's pHash (2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"): the
signs of 64 low cosine frequencies against their median. The mirror image of a face has the same frequencies
with every other column's sign turned, so mirrored copies (FER2013 has some, and training flips faces) are
found from the same transform.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BITS = 64
# FER2013's grey levels have a standard deviation of 9 or more, but for a few constant images (below 0.7)
# and one with a line of text (4.1).
BLANK_DEVIATION = 5.0

_TILE = 1024
_CHUNK = 4096
_MAX_PAIRS = 1_000_000


@dataclass(frozen=True)
class Duplicates:
    """Who is a copy of whom among N faces; blank faces are nobody's copies.

    Attributes:
        exact: int64 [N], the group of faces with the same pixels, -1 alone.
        near: int64 [N], the group of exact, near and mirrored copies, -1 alone. A group is closed under
            "is a copy of", so its two ends may differ more than the thresholds allow.
        blank: bool [N], images that show nothing.
    """

    exact: np.ndarray
    near: np.ndarray
    blank: np.ndarray


def find(images: np.ndarray, hash_distance: int, correlation: float) -> Duplicates:
    """Find copies and blank images.

    Args:
        images: uint8 [N, 48, 48].
        hash_distance: hashes of near copies differ in at most this many of 64 bits.
        correlation: Pearson correlation that the pixels of near copies reach.
    """
    flat = np.ascontiguousarray(images).reshape(len(images), images.shape[1] * images.shape[2])
    blank = flat.std(axis=1, dtype=np.float32) < BLANK_DEVIATION
    seen: dict[bytes, int] = {}
    first = np.array([seen.setdefault(row.tobytes(), index) for index, row in enumerate(flat)], np.int64)
    exact = np.where(blank, np.arange(len(flat)), first)
    # Only one of several equal faces is compared: large groups of them would make pairs by the million.
    rows = np.flatnonzero(~blank & (exact == np.arange(len(flat))))
    left, right = _near_pairs(images[rows], hash_distance, correlation)
    near = _components(np.r_[exact, rows[left]], np.r_[np.arange(len(flat)), rows[right]], len(flat))
    return Duplicates(_numbered(exact), _numbered(near), blank)


def _numbered(groups: np.ndarray) -> np.ndarray:
    """Groups numbered from 0 in the order of their first faces; -1 for a face alone, int64 [N]."""
    _, first, inverse, counts = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts > 1)
    number = np.full(len(counts), -1, np.int64)
    number[kept[np.argsort(first[kept])]] = np.arange(len(kept))
    return number[inverse.reshape(-1)]


def _components(left: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
    graph = coo_array((np.ones(len(left), np.uint8), (left, right)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _cosines(size: int) -> np.ndarray:
    angles = np.pi * np.outer(np.arange(1, 9), 2 * np.arange(size) + 1) / (2 * size)
    return np.cos(angles).astype(np.float32)


def _frequencies(images: np.ndarray) -> np.ndarray:
    """The 8 x 8 lowest cosine frequencies without the constant ones, float32 [N, 8, 8]."""
    basis = _cosines(images.shape[1])
    chunks = [images[i : i + _CHUNK].astype(np.float32) for i in range(0, len(images), _CHUNK)]
    return np.concatenate([basis @ chunk @ basis.T for chunk in chunks] or [np.empty((0, 8, 8), np.float32)])


def _signs(frequencies: np.ndarray) -> np.ndarray:
    """The hash as +1 and -1, float32 [N, 64]: two hashes' product is 64 minus twice their distance."""
    flat = frequencies.reshape(-1, BITS)
    return np.where(flat > np.median(flat, axis=1, keepdims=True), 1, -1).astype(np.float32)


def _standardised(images: np.ndarray) -> np.ndarray:
    """Pixels of mean 0 and length 1, so that a product is a correlation; float32 [N, pixels]."""
    flat = images.reshape(len(images), images.shape[1] * images.shape[2]).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return flat


def _near_pairs(images: np.ndarray, hash_distance: int, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Enough pairs of near or mirrored copies to connect every group, int64 [P] twice."""
    frequencies = _frequencies(images)
    hashes = _signs(frequencies)
    mirrored = _signs(frequencies * (-1.0) ** np.arange(1, 9))
    pixels = _standardised(images)
    pairs, held = [np.empty((2, 0), np.int64)], 0
    for other, flipped in ((hashes, False), (mirrored, True)):
        for left, right in _close(hashes, other, BITS - 2 * hash_distance):
            target = pixels[right]
            if flipped:
                target = target.reshape(-1, *images.shape[1:])[:, :, ::-1].reshape(target.shape)
            alike = np.einsum("ij,ij->i", pixels[left], target) >= correlation
            pairs.append(np.stack([left[alike], right[alike]]))
            held += int(alike.sum())
            if held > _MAX_PAIRS:  # thousands of frames of one video: keep one pair a face
                pairs, held = [_spanning(np.concatenate(pairs, axis=1), len(images))], 0
    left, right = np.concatenate(pairs, axis=1)
    return left, right


def _spanning(pairs: np.ndarray, count: int) -> np.ndarray:
    groups = _components(pairs[0], pairs[1], count)
    _, first = np.unique(groups, return_index=True)
    return np.stack([first[groups], np.arange(count)])


def _close(hashes: np.ndarray, other: np.ndarray, least: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs (i, j > i) whose product reaches `least`, a few thousand at a time.

    All pairs are compared, as matrix products in tiles that stay in the processor's cache: at 64 bits that
    is faster than an index for the 36,000 faces of FER2013, and takes the same time for every threshold.
    """
    for i in range(0, len(hashes), _TILE):
        for j in range(i, len(hashes), _TILE):
            tile = hashes[i : i + _TILE] @ other[j : j + _TILE].T
            hits = np.flatnonzero(tile >= least)
            left, right = np.divmod(hits, tile.shape[1])
            left, right = left + i, right + j
            left, right = left[right > left], right[right > left]
            for k in range(0, len(left), _CHUNK):
                yield left[k : k + _CHUNK], right[k : k + _CHUNK]
