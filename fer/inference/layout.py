"""Finds room in a picture for what is written beside its faces."""

from collections.abc import Sequence

import numpy as np

Rectangle = tuple[float, float, float, float]  # left, top, right, bottom
Size = tuple[float, float]  # width, height


class Room:
    """A picture and what is taken of it.

    Args:
        picture: its size in pixels.
        taken: its faces, and what else must not be covered.
    """

    def __init__(self, picture: Size, taken: Sequence[Rectangle]) -> None:
        self._picture = picture
        self._taken = np.array(taken, float).reshape(-1, 4)

    def beside(
        self, boxes: Sequence[Rectangle], sizes: Sequence[Size], gap: float, upright: bool
    ) -> list[Rectangle | None]:
        """Find a place beside each face that touches nothing that is taken. The places are taken from then on.

        The faces with the fewest free places come first.

        Args:
            boxes: of the faces.
            sizes: of what is written beside each.
            gap: between a face and what is written beside it, in pixels.
            upright: whether to look to the right and left first, as suits tall things, instead of above and below.

        Returns:
            One place for each face, None where there is no room.
        """
        found: list[Rectangle | None] = [None] * len(boxes)
        places = [self._places(box, size, gap, upright) for box, size in zip(boxes, sizes, strict=True)]
        free = [sum(map(self._is_free, choices)) for choices in places]
        for number in sorted(range(len(boxes)), key=lambda number: free[number]):
            place = next(filter(self._is_free, places[number]), None)
            if place is not None:
                found[number] = place
                self._taken = np.vstack([self._taken, place])
        return found

    def at_corners(self, boxes: Sequence[Rectangle], sizes: Sequence[Size]) -> list[Rectangle]:
        """Find a place at each face as `beside` does, or else in its box's upper left corner."""
        found = self.beside(boxes, sizes, 0, upright=False)
        return [
            place or (left, top, left + width, top + height)
            for place, (left, top, _, _), (width, height) in zip(found, boxes, sizes, strict=True)
        ]

    def _places(self, box: Rectangle, size: Size, gap: float, upright: bool) -> list[Rectangle]:
        """Where something of a size fits beside a face, within the picture; the best place first."""
        (left, top, right, bottom), (width, height) = box, size
        limits = self._picture[0] - width, self._picture[1] - height
        if min(limits) < 0:
            return []
        across = (left, right - width, (left + right - width) / 2)
        down = (top, bottom - height, (top + bottom - height) / 2)
        sides = [(x, y) for x in (right + gap, left - gap - width) for y in down]
        ends = [(x, y) for y in (top - gap - height, bottom + gap) for x in across]
        wished = [*sides, *ends] if upright else [*ends, *sides]
        inside = [(min(max(0, x), limits[0]), min(max(0, y), limits[1])) for x, y in wished]
        return [(x, y, x + width, y + height) for x, y in inside]

    def _is_free(self, place: Rectangle) -> bool:
        left, top, right, bottom = place
        lefts, tops, rights, bottoms = self._taken.T
        return not ((lefts < right) & (left < rights) & (tops < bottom) & (top < bottoms)).any()


def columns(count: int, size: Size, picture: Size) -> tuple[int, int, bool]:
    """Arrange a legend so that it adds little to its picture.

    Args:
        count: of its entries.
        size: of an entry, in pixels.
        picture: the size of the picture, in pixels.

    Returns:
        Its columns and rows, and whether it stands beside the picture instead of below.
    """
    (width, height), (wide, tall) = size, picture
    rows = max(1, min(count, int(tall / height)))
    columns = max(1, min(count, int(wide / width)))
    beside, below = -(-count // rows), -(-count // columns)
    if beside * width * max(tall, rows * height) <= below * height * max(wide, columns * width):
        return beside, rows, True
    return columns, below, False
