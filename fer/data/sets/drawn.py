"""The embedded data set of drawn faces, which needs no file and no download."""

from pathlib import Path
from typing import TYPE_CHECKING

from fer.data.sets.base import DataSet
from fer.sizes import FACE

if TYPE_CHECKING:
    from fer import config
    from fer.data.faces import Faces


class Drawn(DataSet):
    """`data.drawn_faces` faces that `fer.data.drawn` draws from `data.seed`."""

    name = "drawn"
    title = "the drawn faces"
    side = FACE

    def find(self) -> Path | None:
        """None: there is no file."""
        return None

    def sources(self, settings: "config.Data") -> list[Path]:
        """None: there are no files."""
        return []

    def load(self, settings: "config.Data") -> "Faces":
        """Draw the faces."""
        from fer.data.drawn import draw

        return draw(settings.drawn_faces, settings.seed)
