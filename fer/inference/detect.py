"""Face detection by CenterFace (Xu et al. 2019), which gives a box, the eyes, the nose and the mouth of each face.

The detector runs on the photo reduced to 640 pixels; if it finds nothing, or only small faces, also on the photo
reduced to 1600; and if it still finds nothing, on the photo with a border, for a face that fills the picture. A crowd,
or a photo in which small faces are asked for, is also looked at in tiles that show these faces large enough. A photo
without an upright face is also looked at upside down and lying on either side. In a video, most frames are searched
only near the faces of an earlier frame.
"""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from fer.errors import FerError
from fer.inference.crop import Box, Detection
from fer.inference.network import session
from fer.inference.text import one_line

MIN_SCORE = 0.35  # on the photos without people that were tried, nothing scored above 0.32 (docs/photos.md)
FIRST_SIDE, SECOND_SIDE = 640, 1600  # the longer side of the detector's input, in pixels
TURNED_SIDE = 384  # the same for the looks that tell whether a photo is turned
BORDER = 0.25  # width of the border around a photo in which nothing was found, relative to its longer side
SMALL_FACE = 0.06  # relative to the photo's longer side: 38 of 640 pixels; smaller faces may be missed
MAX_OVERLAP = 0.4  # of the boxes of two faces: their intersection over the smaller box
ORDINARY_SIZE = 24  # of the smallest face that is usually asked for, in pixels
UPRIGHT_ROLL = 25  # degrees of roll up to which a face shows that its photo is not turned
TURNED_SCORE = 0.5  # of an upright face in the turned photo, from which on the photo is turned
TURNED_MARGIN = 0.1  # by which that score may be lower than the best score in the photo as it is
CROWD = 8  # small faces from which on a photo is taken for a crowd
FOUND_SIZE = 16  # pixels of the detector's input that a face needs: it finds 9 of 10 of these (docs/photos.md)
LARGEST_SCALE = 2.0  # by which tiles are enlarged at most
NEAR_SIDE = 2.0  # of the square around a known face's box that is searched for it, relative to the box's longer side
NEAR_SIZE = 32  # pixels that this face has in the detector's input at least, unless it has fewer in the photo
MOST_NEAR = 6  # known faces that are searched for one by one; of eight, each an eighth of the whole, nothing is saved
TILE, SHARED = 1024, 160  # the side of a tile, and how much two neighbours share, in pixels of the detector's input
_STRIDE = 4  # input pixels per cell of the network's output
_MULTIPLE = 32  # the sides of the network's input are multiples of this
_MAX_CANDIDATES = 500  # boxes that are compared; a crowd has fewer faces


def network() -> Path:
    """The file of the detector, which comes with the package."""
    return Path(str(files("fer"))) / "pretrained" / "detector" / "centerface.onnx"


class Detector:
    """Finds faces. Safe for use by several threads.

    Args:
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: the network is missing or damaged.
    """

    def __init__(self, threads: int | None = None) -> None:
        try:
            self._session = session(network(), threads)
        except Exception as error:  # onnxruntime's own errors have no common base but this
            reason = one_line(error, 150)
            raise FerError(f"{network()} can't be used ({reason}). Restore it with `git restore`.") from error

    def find(self, grey: np.ndarray, smallest: float = ORDINARY_SIZE, *, turned: bool = True) -> list[Detection]:
        """All faces of a photo, the largest first.

        Args:
            grey: the photo, uint8 [H, W].
            smallest: the size in pixels from which on faces are asked for, the shorter side of their box. Below
                `ORDINARY_SIZE` the photo is looked at more closely, which takes longer. Smaller faces are found, too.
            turned: whether the photo may be upside down or lie on its side.
        """
        longest, closely = max(grey.shape), smallest < ORDINARY_SIZE
        found = suppress_overlaps(self._run(grey, FIRST_SIDE))
        if longest > FIRST_SIDE and (closely or all(face.size < SMALL_FACE * longest for face in found)):
            found = suppress_overlaps([*found, *self._run(grey, SECOND_SIDE)])
        closely = closely or sum(face.size < SMALL_FACE * longest for face in found) >= CROWD
        scale = min(LARGEST_SCALE, FOUND_SIZE / max(1.0, smallest))
        if closely and scale > min(1.0, SECOND_SIDE / longest):
            found = suppress_overlaps([*found, *self._in_tiles(grey, scale)])
        if not found:
            found = suppress_overlaps(self._run(grey, FIRST_SIDE, BORDER))
        if turned and not any(face.is_upright and abs(face.roll) <= UPRIGHT_ROLL for face in found):
            quarters = self._turn(grey, max((face.score for face in found), default=0.0))
            if quarters:
                upright = np.ascontiguousarray(np.rot90(grey, quarters))
                seen = self.find(upright, smallest, turned=False)
                return [face.turned_back(quarters, grey.shape) for face in seen] or found
        return found

    def find_near(self, grey: np.ndarray, boxes: Sequence[Box]) -> list[Detection] | None:
        """The faces of a video's frame near those of an earlier frame, the largest first.

        New faces elsewhere are not found. For a face of 112 x 149 pixels in a frame of 1280 x 720 it took an eighth of
        the time of `find`, and more for larger faces.

        Args:
            grey: the frame, uint8 [H, W].
            boxes: of the earlier faces.

        Returns:
            The faces; None if one of the earlier ones is not found, or if there are too many of them.
        """
        if len(boxes) > MOST_NEAR:
            return None
        found: list[Detection] = []
        for box in boxes:
            near = self._around(grey, box)
            if not any(overlap(face, Detection(box, 1.0)) >= MAX_OVERLAP for face in near):
                return None
            found += near
        return suppress_overlaps(found)

    def _around(self, grey: np.ndarray, box: Box) -> list[Detection]:
        """The faces in a square around a box that lie wholly in it, or at an edge of the photo."""
        left, top, width, height = box
        half = NEAR_SIDE * max(width, height) / 2
        x, y = left + width / 2, top + height / 2
        x_start, y_start = max(0, round(x - half)), max(0, round(y - half))
        part = grey[y_start : max(0, round(y + half)), x_start : max(0, round(x + half))]
        if not part.size:
            return []
        usual = FIRST_SIDE / max(grey.shape)  # as in `find`: at another scale the same face has a slightly other box
        scale = min(1.0, max(usual, NEAR_SIZE / max(1.0, min(width, height))))
        x_end, y_end = x_start + part.shape[1], y_start + part.shape[0]
        inner = (x_start > 0, y_start > 0, x_end < grey.shape[1], y_end < grey.shape[0])
        seen = self._run(part, max(1, round(max(part.shape) * scale)))
        return [face.moved(np.ones(2), (x_start, y_start)) for face in seen if not _is_cut(face, part.shape, inner)]

    def _turn(self, grey: np.ndarray, score: float) -> int:
        """Quarters of a turn, counter-clockwise, after which a photo shows an upright face; 0 if it is not turned.

        Of faces upside down the detector finds half and takes them for others, with less trust than it has in upright
        ones.

        Args:
            grey: the photo.
            score: of the surest face that was found in it as it is.
        """
        looks = {0.0: 0}
        for quarters in (2, 1, 3):
            seen = self._run(np.ascontiguousarray(np.rot90(grey, quarters)), TURNED_SIDE)
            looks[max((face.score for face in seen if face.is_upright), default=0.0)] = quarters
        best = max(looks)
        return looks[best] if best >= TURNED_SCORE and best > score - TURNED_MARGIN else 0

    def _in_tiles(self, grey: np.ndarray, scale: float) -> Iterator[Detection]:
        """The small faces of a photo, looked at in tiles that are enlarged or reduced by `scale`."""
        import cv2

        height, width = grey.shape
        side, step = int(TILE / scale), int((TILE - SHARED) / scale)
        for top in range(0, max(1, height - side + step), step):
            for left in range(0, max(1, width - side + step), step):
                part = grey[top : top + side, left : left + side]
                size = [max(1, round(pixels * scale)) for pixels in part.shape[::-1]]
                shown = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
                back = np.array(part.shape[::-1]) / shown.shape[::-1]
                inner = (left > 0, top > 0, left + side < width, top + side < height)
                for face in self._run(shown, TILE):
                    if max(face.box[2:]) <= SHARED and not _is_cut(face, shown.shape, inner):
                        yield face.moved(back, (left, top))

    def _run(self, grey: np.ndarray, side: int, border: float = 0.0) -> list[Detection]:
        """The faces of a photo that is reduced to `side` pixels, including a border relative to its longer side.

        The photo is reduced before the border is added, so that the border of a very long picture stays small.
        """
        import cv2

        longest = max(grey.shape)
        scale = min(1.0, side / (longest * (1 + 2 * border)))
        height, width = (max(1, round(pixels * scale)) for pixels in grey.shape)
        reduced = grey if scale == 1 else cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        around = max(1, round(max(reduced.shape) * border)) if border else 0
        padded = np.pad(reduced, around, mode="edge")
        below, right = (-pixels % _MULTIPLE for pixels in padded.shape)
        framed = cv2.copyMakeBorder(padded, 0, below, 0, right, cv2.BORDER_CONSTANT)
        colours = np.repeat(framed[None, None].astype(np.float32), 3, axis=1)
        answers = [answer[0] for answer in self._session.run(None, {"pictures": colours})]
        back = np.array([grey.shape[1] / width, grey.shape[0] / height])  # each side is rounded on its own
        return list(_decoded(answers, back, around))


def _is_cut(face: Detection, shape: tuple[int, ...], inner: Sequence[bool]) -> bool:
    """Whether a face touches an edge of its tile beyond which the photo goes on: a neighbour shows it whole.

    Args:
        face: in pixels of the tile.
        shape: of the tile, height and width.
        inner: whether the photo goes on at the left, above, at the right and below.
    """
    left, top, width, height = face.box
    touched = (left < 1, top < 1, left + width > shape[1] - 1, top + height > shape[0] - 1)
    return any(at and on for at, on in zip(touched, inner, strict=True))


def _decoded(answers: Sequence[np.ndarray], back: np.ndarray, border: int) -> Iterator[Detection]:
    """Faces from the network's maps: score [1, h, w], size [2, h, w], offset [2, h, w] and points [10, h, w].

    Sizes are logarithms of numbers of cells; points are relative to the box. All of them have y before x.

    Args:
        answers: the maps.
        back: float [2], the size of an input pixel in pixels of the photo, horizontally and vertically.
        border: the border's width in input pixels.
    """
    scores, sizes, offsets, points = answers
    rows, columns = np.nonzero(scores[0] >= MIN_SCORE)
    best = np.argsort(-scores[0, rows, columns], kind="stable")[:_MAX_CANDIDATES]
    for row, column in zip(rows[best], columns[best], strict=True):
        sides = np.exp(sizes[::-1, row, column]) * _STRIDE
        middle = (np.array([column, row]) + offsets[::-1, row, column] + 0.5) * _STRIDE
        corner = middle - sides / 2 - border
        five = (points[:, row, column].reshape(5, 2)[:, ::-1] * sides + corner) * back
        left, top = corner * back
        width, height = sides * back
        box = (float(left), float(top), float(width), float(height))
        yield Detection(box, float(scores[0, row, column]), five)


def suppress_overlaps(found: Sequence[Detection]) -> list[Detection]:
    """Non-maximum suppression: of overlapping detections the one with the best score; the largest face first."""
    kept: list[Detection] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(overlap(face, other) < MAX_OVERLAP for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.size)


def overlap(one: Detection, other: Detection) -> float:
    """The intersection of two boxes, relative to the area of the smaller one."""
    (left, top, width, height), (left_, top_, width_, height_) = one.box, other.box
    wide = min(left + width, left_ + width_) - max(left, left_)
    tall = min(top + height, top_ + height_) - max(top, top_)
    if wide <= 0 or tall <= 0:
        return 0.0
    return wide * tall / max(1e-9, min(width * height, width_ * height_))
