"""Copies of faces: exact by their pixels, near by a perceptual hash confirmed by correlation.

The hash is Zauner's pHash (2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"): the
signs of 64 low cosine frequencies against their median. The mirror image of a face has the same frequencies
with every other column's sign turned, so mirrored copies (FER2013 has some, and training flips faces) are
found from the same transform.
"""

import hashlib
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
_PIXELS = 4096 * 48 * 48  # as many are float32 at one time: a large set fits into memory only as bytes
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
        images: uint8 [N, S, S], best memory-mapped: they are read a few thousand at a time.
        hash_distance: hashes of near copies differ in at most this many of 64 bits.
        correlation: Pearson correlation that the pixels of near copies reach.
    """
    every = np.arange(len(images))
    blank = np.zeros(len(images), bool)
    for part in _parts(every, images):
        blank[part] = _flat(images[part]).std(axis=1, dtype=np.float32) < BLANK_DEVIATION
    seen: dict[bytes, int] = {}
    first = np.array([seen.setdefault(digest(image), index) for index, image in enumerate(images)], np.int64)
    exact = np.where(blank, every, first)
    # Only one of several equal faces is compared: large groups of them would make pairs by the million.
    left, right = _near_pairs(images, np.flatnonzero(~blank & (exact == every)), hash_distance, correlation)
    near = _components(np.r_[exact, left], np.r_[every, right], len(images))
    return Duplicates(_numbered(exact), _numbered(near), blank)


def digest(image: np.ndarray) -> bytes:
    """16 bytes that stand for the pixels of one image (BLAKE2b)."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def _parts(rows: np.ndarray, images: np.ndarray) -> Iterator[np.ndarray]:
    """The rows, or pairs of rows, so many at a time that their images may be float32."""
    step = max(1, _PIXELS // max(1, images.shape[1] * images.shape[2]))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), images.shape[1] * images.shape[2])


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


def _frequencies(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The 8 x 8 lowest cosine frequencies of some faces without the constant ones, float32 [rows, 8, 8]."""
    basis = _cosines(images.shape[1])
    found = [basis @ images[part].astype(np.float32) @ basis.T for part in _parts(rows, images)]
    return np.concatenate([np.empty((0, 8, 8), np.float32), *found])


def _signs(frequencies: np.ndarray) -> np.ndarray:
    """The hash as +1 and -1, float32 [N, 64]: two hashes' product is 64 minus twice their distance."""
    flat = frequencies.reshape(-1, BITS)
    return np.where(flat > np.median(flat, axis=1, keepdims=True), 1, -1).astype(np.float32)


def _standardised(images: np.ndarray) -> np.ndarray:
    """Pixels of mean 0 and length 1, so that a product is a correlation; float32 [N, pixels]."""
    flat = _flat(images).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return flat


def _near_pairs(
    images: np.ndarray, rows: np.ndarray, hash_distance: int, correlation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Enough pairs of near or mirrored copies among the rows to connect every group, int64 [P] twice."""
    frequencies = _frequencies(images, rows)
    hashes = _signs(frequencies)
    mirrored = _signs(frequencies * (-1.0) ** np.arange(1, 9))
    pairs, held = [np.empty((2, 0), np.int64)], 0
    for other, flipped in ((hashes, False), (mirrored, True)):
        for candidates in _close(hashes, other, BITS - 2 * hash_distance):
            for part in _parts(rows[candidates], images):
                alike = part[_correlation(images, part, flipped) >= correlation]
                pairs.append(alike.T)
                held += len(alike)
            if held > _MAX_PAIRS:  # thousands of frames of one video: keep one pair a face
                pairs, held = [_spanning(np.concatenate(pairs, axis=1), len(images))], 0
    left, right = np.concatenate(pairs, axis=1)
    return left, right


def _correlation(images: np.ndarray, pairs: np.ndarray, flipped: bool) -> np.ndarray:
    """Pearson correlation of the pixels of each pair of rows, the second one mirrored or not, float32 [P]."""
    one, other = (_standardised(images[rows]) for rows in pairs.T)
    if flipped:
        other = other.reshape(-1, *images.shape[1:])[:, :, ::-1].reshape(one.shape)
    correlations: np.ndarray = np.einsum("ij,ij->i", one, other)
    return correlations


def _spanning(pairs: np.ndarray, count: int) -> np.ndarray:
    groups = _components(pairs[0], pairs[1], count)
    _, first = np.unique(groups, return_index=True)
    return np.stack([first[groups], np.arange(count)])


def _close(hashes: np.ndarray, other: np.ndarray, least: int) -> Iterator[np.ndarray]:
    """Pairs (i, j > i) whose product reaches `least`, int64 [P, 2], those of one tile at a time.

    All pairs are compared, as matrix products in tiles that stay in the processor's cache: a few minutes on
    one core for half a million faces, and the same for every threshold.
    """
    for i in range(0, len(hashes), _TILE):
        for j in range(i, len(hashes), _TILE):
            tile = hashes[i : i + _TILE] @ other[j : j + _TILE].T
            hits = np.flatnonzero(tile >= least)
            left, right = np.divmod(hits, tile.shape[1])
            left, right = left + i, right + j
            yield np.stack([left, right], axis=1)[right > left]
