"""RAF-DB (Li, Deng and Du 2017, "Reliable Crowdsourcing and Deep Locality-Preserving Learning")."""

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from fer.data import labels
from fer.data.labels import Label, Naming
from fer.data.sets.pictures import PictureSet
from fer.errors import FerError


class RafDb(PictureSet):
    """Aligned pictures and `list_patition_label.txt`, as its authors hand it out; or folders 1 to 7.

    A line of the list is `train_00001.jpg 5`, with spaces or a tab between. The picture is
    `Image/aligned/train_00001_aligned.jpg`.
    """

    name = "rafdb"
    title = "RAF-DB"
    naming = Naming({1: "surprise", 2: "fear", 3: "disgust", 4: "happy", 5: "sad", 6: "angry", 7: "neutral"})
    incoming = ("rafdb*", "RAF-DB*", "RAFDB*")
    lists = ("list_patition_label.txt", "list_partition_label.txt")
    official: ClassVar[dict[str, tuple[int, ...]]] = {
        "Training": (705, 717, 281, 4772, 2524, 1982, 1290),
        "PrivateTest": (162, 160, 74, 1185, 680, 478, 329),
    }

    def read_lists(self, texts: Mapping[str, str], names: Collection[str]) -> dict[str, Label] | None:
        """As `PictureSet.read_lists`."""
        if not texts:
            return None
        name, text = next(iter(texts.items()))
        listed = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            picture, *values = line.split()
            emotion = self.naming.emotion(" ".join(values))
            usage = {"train": "Training", "test": "PrivateTest"}.get(picture.partition("_")[0])
            if emotion is None or usage is None:
                raise FerError(f"{name}, line {number}: {line[:60]!r} is not like 'train_00001.jpg 5'. Fetch it again.")
            listed[PurePosixPath(picture).stem] = Label(emotion, usage)
        # The original photos bear the same names without "_aligned"; where there are both, the faces are read.
        aligned = [path for path in names if PurePosixPath(path).stem.endswith("_aligned")]
        by_stem = {PurePosixPath(path).stem.removesuffix("_aligned"): path for path in aligned or names}
        missing = sorted(listed.keys() - by_stem)
        if missing:
            shown = ", ".join(missing[: labels.SHOWN])
            raise FerError(f"{name} names {len(missing):,} pictures that are not there: {shown}. Fetch RAF-DB again.")
        return {by_stem[stem]: label for stem, label in listed.items()}
