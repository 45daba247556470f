"""FER2013 (Goodfellow et al. 2013, "Challenges in Representation Learning")."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from fer.data.labels import Naming
from fer.data.sets import base
from fer.emotions import CHALLENGE_ORDER
from fer.errors import FerError
from fer.sizes import FACE

if TYPE_CHECKING:
    from fer import config
    from fer.data.faces import Faces

KAGGLE_NAME: Final = "msambare/fer2013"

# What `Faces.digest` gives for the editions that this project has seen. The counts alone would let pass a face that
# was dropped for the copy of another, or altered pixels.
EDITIONS = {
    "29ca03a57bbee2786247650cae62886cda3e622581c9a2e4483e86e89b901582": "35,887 JPEG files in folders, as on Kaggle",
}


class Fer2013(base.DataSet):
    """35,887 faces of 48 x 48 pixels, in one of the editions that `fer.data.editions` reads."""

    name = "fer2013"
    title = "FER2013"
    naming = Naming(dict(enumerate(CHALLENGE_ORDER)))
    side = FACE
    incoming = ("fer2013*",)
    download_host = "www.kaggle.com"
    official: ClassVar[dict[str, tuple[int, ...]]] = {
        "Training": (3995, 436, 4097, 7215, 4965, 4830, 3171),
        "PublicTest": (467, 56, 496, 895, 607, 653, 415),
        "PrivateTest": (491, 55, 528, 879, 626, 594, 416),
    }

    @property
    def choices(self) -> str:
        """What a user can do if no copy was found."""
        return (
            f"Choose one: set {self.variable} to your copy of FER2013 (folder, .zip, .tar.* or .csv); put it "
            f"into {base.INCOMING}/; or connect to the network, so that kagglehub fetches {KAGGLE_NAME}. To try the "
            "pipeline without it, set data.dataset to drawn"
        )

    def find_incoming(self) -> Path | None:
        """What lies in data/incoming/, under any name that is not another data set's."""
        from fer.data.sets import DATA_SETS

        others = [pattern for other in DATA_SETS.values() if other.name != self.name for pattern in other.incoming]
        visible = sorted(path for path in base.INCOMING.glob("*") if not path.name.startswith("."))
        own = [path for path in visible if not any(path.match(pattern) for pattern in others)]
        called = [path for path in own if path.match("fer2013*")]
        if len(own) == 1 or (called and len(own) < len(visible)):
            return (called or own)[0]
        return base.INCOMING if own else None  # `editions` looks for the known names among several files

    def load(self, settings: "config.Data | None" = None) -> "Faces":
        """Read FER2013 from its local copy or from Kaggle, and check that it is complete.

        Returns:
            35,887 faces sorted by name: every copy of one edition gives the same.

        Raises:
            FerError: there is no source, or it is damaged, altered or incomplete.
        """
        return self.read(self.find() or self._download())

    def read(self, path: Path) -> "Faces":
        """Read a copy of any edition, and check that it is complete.

        Raises:
            FerError: it is damaged, altered or incomplete.
        """
        from fer.data import editions

        faces = editions.read(path)
        self.check_counts(faces, str(path))
        digest = faces.digest()
        if digest not in EDITIONS:
            base.say(
                f"Warning: {path} has the right number of faces of each kind, but its pixels are of no edition that "
                f"is known here (digest {digest[:12]}). It may be a CSV edition or an altered copy; "
                "metrics/data.json says so."
            )
        return faces

    def _download(self) -> Path:
        try:
            import kagglehub

            return Path(kagglehub.dataset_download(KAGGLE_NAME))
        except Exception as error:  # kagglehub lets every network library's own errors through
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise FerError(f"FER2013 was not found, and Kaggle can't be reached ({reason}). {self.choices}.") from error


def edition(digest: str) -> str:
    """The edition of FER2013 with a digest, `unknown` if this project has not seen it."""
    return EDITIONS.get(digest, "unknown")
