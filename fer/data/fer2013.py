"""FER2013 (Goodfellow et al. 2013, "Challenges in Representation Learning"): found, read and checked."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import click

from fer.data import editions, files
from fer.data.faces import Faces
from fer.emotions import EMOTIONS
from fer.errors import FerError

ARCHIVE_VARIABLE = "FER2013_ARCHIVE"
KAGGLE_NAME = "msambare/fer2013"
INCOMING = Path("data/incoming")
CHOICES = (
    f"Choose one: set {ARCHIVE_VARIABLE} to your copy of FER2013 (folder, .zip, .tar.* or .csv); put it "
    f"into data/incoming/; or connect to the network, so that kagglehub fetches {KAGGLE_NAME}. To try the "
    "pipeline without it, set data.dataset to drawn"
)

# The faces of the original challenge, in the order of EMOTIONS.
OFFICIAL = {
    "Training": (3995, 436, 4097, 7215, 4965, 4830, 3171),
    "PublicTest": (467, 56, 496, 895, 607, 653, 415),
    "PrivateTest": (491, 55, 528, 879, 626, 594, 416),
}

# What `digest` gives for the editions that this project has seen. The counts alone would let pass a face that was
# dropped for the copy of another, or altered pixels.
EDITIONS = {
    "29ca03a57bbee2786247650cae62886cda3e622581c9a2e4483e86e89b901582": "35,887 JPEG files in folders, as on Kaggle",
}

# A half set differs in every class: naming a few says as much as naming all 21.
NAMED = 5


def load(environment: Mapping[str, str] = os.environ, incoming: Path = INCOMING) -> Faces:
    """Read FER2013 from the first place that has it, and check that it is complete.

    The places: what the environment variable FER2013_ARCHIVE names, what lies in `incoming`, Kaggle.

    Returns:
        35,887 faces sorted by name: every copy of one edition gives the same.

    Raises:
        FerError: there is no source, or it is damaged, altered or incomplete.
    """
    path = find(environment, incoming)
    faces = editions.read(path)
    check_counts(faces, path)
    found = digest(faces)
    if found not in EDITIONS:
        click.echo(
            f"Warning: {path} has the right number of faces of each kind, but its pixels are of no edition that is "
            f"known here (digest {found[:12]}). It may be a CSV edition or an altered copy; metrics/data.json says so.",
            err=True,
        )
    return faces


def digest(faces: Faces) -> str:
    """SHA-256 over each face's usage, emotion and pixels, in their order: what the data are, but for the names."""
    found = hashlib.sha256()
    for usage, emotion, image in zip(faces.table["usage"], faces.table["emotion"], faces.images, strict=True):
        found.update(f"{usage} {emotion} {image.shape}\n".encode())
        found.update(image.tobytes())
    return found.hexdigest()


def edition(digest: str) -> str:
    """The edition of FER2013 with a digest, `unknown` where this project has not seen it."""
    return EDITIONS.get(digest, "unknown")


def find(environment: Mapping[str, str], incoming: Path) -> Path:
    """The file or folder to read; downloads it when nothing is at hand."""
    return find_local(environment, incoming) or _download()


def find_local(environment: Mapping[str, str], incoming: Path = INCOMING) -> Path | None:
    """As `at_hand`, but what is named must exist.

    Raises:
        FerError: it does not.
    """
    path = at_hand(environment, incoming)
    if path is not None and not path.exists():
        raise FerError(f"{ARCHIVE_VARIABLE} names {path}, which doesn't exist. Correct it or unset it.")
    return path


def at_hand(environment: Mapping[str, str], incoming: Path = INCOMING) -> Path | None:
    """The local file or folder that would be read; None where there is none to try."""
    named = environment.get(ARCHIVE_VARIABLE, "").strip()
    if named:
        return files.expanded(named)
    present = sorted(entry for entry in incoming.glob("*") if not entry.name.startswith("."))
    if not present:
        return None
    # A single CSV may have any name; among several files `editions` looks for the known ones.
    return present[0] if len(present) == 1 else incoming


def _download() -> Path:
    try:
        import kagglehub

        return Path(kagglehub.dataset_download(KAGGLE_NAME))
    except Exception as error:  # kagglehub lets every network library's own errors through
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise FerError(f"FER2013 is not at hand, and Kaggle can't be reached ({reason}). {CHOICES}.") from error


def check_counts(faces: Faces, path: Path) -> None:
    """Compare the faces per usage and emotion with the official ones.

    Raises:
        FerError: names the first differences, and says how many more there are.
    """
    found = faces.counts()
    wrong = [
        f"{emotion}/{usage}: {expected:,} expected, {found.get(usage, {}).get(emotion, 0):,} found"
        for usage, row in OFFICIAL.items()
        for emotion, expected in zip(EMOTIONS, row, strict=True)
        if found.get(usage, {}).get(emotion, 0) != expected
    ]
    if wrong:
        named = wrong[:NAMED] + ([f"and {len(wrong) - NAMED} more"] if len(wrong) > NAMED else [])
        raise FerError(
            f"{path} is not the complete FER2013: it has {len(faces):,} faces, {editions.FACES:,} expected "
            f"({'; '.join(named)}). Fetch an unaltered copy, or, if the change is yours, set data.dataset to a "
            "folder with one subfolder per emotion."
        )
