"""Random faces in memory, and the writers of FER2013's editions."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fer.data.faces import Faces
from fer.emotions import CHALLENGE_ORDER, EMOTIONS, USAGES


def random_faces(per_class: dict[str, int], seed: int = 0) -> Faces:
    """Smooth random images (noise would compress badly and hash at random), `per_class` a usage and emotion."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"{emotion}/{usage}_{number:05d}", usage, emotion)
        for usage, count in per_class.items()
        for emotion in EMOTIONS
        for number in range(1, count + 1)
    ]
    coarse = rng.integers(0, 256, (len(rows), 12, 12), dtype=np.uint8)
    images = np.stack([np.asarray(Image.fromarray(c).resize((48, 48), Image.Resampling.BICUBIC)) for c in coarse])
    return Faces(images, pd.DataFrame(rows, columns=["name", "usage", "emotion"])).canonical()


def write_tree(faces: Faces, folder: Path) -> Path:
    """Write `<folder>/{train,test}/<emotion>/<Usage>_<id>.png`: PNG, so that the pixels stay as they are."""
    for image, row in zip(faces.images, faces.table.itertuples(), strict=True):
        place = folder / ("train" if row.usage == "Training" else "test") / f"{row.name}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place)
    return folder


def csv_text(faces: Faces, header: str = "emotion,pixels,Usage") -> str:
    """The CSV edition, its rows in the order of the usages; the columns in the order of the header."""
    lines = []
    for usage in USAGES:
        for image, row in zip(faces.images, faces.table.itertuples(), strict=True):
            if row.usage == usage:
                cells = {
                    "emotion": str(CHALLENGE_ORDER.index(row.emotion)),
                    "pixels": " ".join(map(str, image.ravel())),
                    "usage": usage,
                }
                lines.append(",".join(cells[column.strip().lower()] for column in header.split(",")))
    return "\n".join([header, *lines]) + "\n"


def png(image: np.ndarray) -> bytes:
    """The image as the bytes of a PNG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()
