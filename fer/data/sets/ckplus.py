"""CK+48, the faces of the Extended Cohn-Kanade set (Lucey et al. 2010) at 48 x 48 pixels."""

from pathlib import Path
from typing import TYPE_CHECKING

from fer.data.labels import CONTEMPT, Naming
from fer.data.sets.pictures import PictureSet
from fer.errors import FerError

if TYPE_CHECKING:
    from fer import config
    from fer.data.faces import Faces


class CkPlus(PictureSet):
    """Folders anger, contempt, disgust, fear, happy, sadness and surprise; contempt is left out.

    It has no neutral faces, so models can be measured on it but not trained.
    """

    name = "ckplus"
    title = "CK+"
    naming = Naming({}, (CONTEMPT,))

    def sources(self, settings: "config.Data") -> list[Path]:
        """Raise what `load` raises."""
        raise FerError(
            "CK+ has no neutral faces, so no model can be trained on it. Measure models on it with "
            "`fer evaluate DIR --labels ckplus`, and set data.dataset to another set."
        )

    def load(self, settings: "config.Data") -> "Faces":
        """Raise a FerError: this set is for measuring only."""
        self.sources(settings)
        raise NotImplementedError
