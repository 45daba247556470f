"""The in-memory set of faces that every data source makes and every later part reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer import artifacts, hashing
from fer.emotions import EMOTIONS, INDEX

COLUMNS = ("name", "usage", "emotion")


@dataclass(frozen=True)
class Faces:
    """N grey faces and one table row for each, in the same order.

    Attributes:
        images: uint8 [N, S, S]; S is 48 but for a folder with another `data.size`.
        table: N rows with the columns `name` (unique), `usage` (Training, PublicTest or PrivateTest; empty
            for all faces of a set that nobody divided yet: `splits` does) and `emotion`.
    """

    images: np.ndarray
    table: pd.DataFrame

    def __post_init__(self) -> None:
        count, *sides = self.images.shape
        if self.images.dtype != np.uint8 or count != len(self.table) or len(sides) != 2 or sides[0] != sides[1]:
            raise ValueError(f"images must be uint8 [{len(self.table)}, S, S]: {self.images.dtype} {self.images.shape}")
        if tuple(self.table.columns) != COLUMNS:
            raise ValueError(f"the table must have the columns {COLUMNS}: {tuple(self.table.columns)}")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def labels(self) -> np.ndarray:
        """Class indices in the order of `EMOTIONS`, int64 [N]."""
        return self.table["emotion"].map(INDEX).to_numpy(np.int64)

    def counts(self) -> dict[str, dict[str, int]]:
        """Faces per usage and emotion, for the usages that there are."""
        counted = pd.crosstab(self.table["usage"], self.table["emotion"])
        return {
            str(usage): {emotion: int(row.get(emotion, 0)) for emotion in EMOTIONS} for usage, row in counted.iterrows()
        }

    def digest(self) -> str:
        """SHA-256 over each face's usage, emotion and pixels in their order, so over all but the names."""

        def parts() -> Iterator[bytes]:
            for usage, emotion, image in zip(self.table["usage"], self.table["emotion"], self.images, strict=True):
                yield f"{usage} {emotion} {image.shape}\n".encode()
                yield image.tobytes()

        return hashing.sha256(parts())

    def canonical(self) -> "Faces":
        """The same faces sorted by name, so that every copy of an edition gives the same bytes."""
        if self.table["name"].is_monotonic_increasing:
            return self  # a large set has no room for a second copy of its pixels
        order = np.argsort(self.table["name"].to_numpy(str), kind="stable")
        return Faces(np.ascontiguousarray(self.images[order]), self.table.iloc[order].reset_index(drop=True))

    def save(self, folder: Path | str) -> None:
        """Write `images.npy` and `faces.csv`."""
        artifacts.write_array(Path(folder) / "images.npy", self.images)
        artifacts.write_table(Path(folder) / "faces.csv", self.table)

    @classmethod
    def load(cls, folder: Path | str) -> "Faces":
        """Read what `save` wrote; the images are memory-mapped.

        Raises:
            FerError: a file is missing, damaged, or holds something else.
        """
        images = artifacts.read_array(Path(folder) / "images.npy", mmap=True)
        table = artifacts.read_table(Path(folder) / "faces.csv")
        with artifacts.validating(folder):
            if not table["emotion"].isin(EMOTIONS).all():
                raise ValueError("an emotion of the table is none of the seven")
            return cls(images, table)
