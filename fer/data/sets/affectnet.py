"""AffectNet (Mollahosseini, Hasani and Mahoor 2017)."""

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from fer.data import labels
from fer.data.labels import CONTEMPT, Label, Naming
from fer.data.sets.pictures import PictureSet
from fer.errors import FerError

_NUMBERS = {
    0: "neutral", 1: "happy", 2: "sad", 3: "surprise", 4: "fear", 5: "disgust", 6: "angry", 7: CONTEMPT,
}  # fmt: skip
_NO_FACE_OF_USE = {"8": "no expression", "9": "uncertain", "10": "no face"}
_BOX = ("face_x", "face_y", "face_width", "face_height")


class AffectNet(PictureSet):
    """Folders 0 to 7 (or words), at the top or below train/ and val/; or the lists training.csv and validation.csv.

    Its test set is not published, so the validation set is the test set here, and val is cut from Training. Contempt
    is left out, and so are pictures without an expression or a face. Where a list says where the face is, it is cut
    out of the picture.
    """

    name = "affectnet"
    title = "AffectNet"
    naming = Naming(_NUMBERS, (CONTEMPT,))
    incoming = ("affectnet*", "AffectNet*")
    lists = ("training.csv", "validation.csv", "labels.csv")
    validation_is_test = True

    def read_lists(self, texts: Mapping[str, str], names: Collection[str]) -> dict[str, Label] | None:
        """As `PictureSet.read_lists`."""
        if not texts:
            return None
        listed: dict[str, Label] = {}
        for name, text in texts.items():
            listed |= self._rows(name, text)
        found = labels.match_paths(names, listed)
        if len(found) < len(listed):
            raise FerError(
                f"{', '.join(texts)} name {len(listed):,} pictures, of which {len(found):,} are there. "
                "Fetch AffectNet again, or remove the lists if its folders are called 0 to 7."
            )
        return found

    def _rows(self, name: str, text: str) -> dict[str, Label]:
        file = PurePosixPath(name).stem.lower()
        usage = {"training": "Training", "validation": "PublicTest"}.get(file, "")
        columns = {"path": ("subdirectory_filepath", "path", "pth", "image"), "label": ("expression", "label")}
        with_box = all(key in text.partition("\n")[0].lower() for key in _BOX)
        columns |= {key: (key,) for key in _BOX} if with_box else {}
        rows = {}
        for number, row in enumerate(labels.read_csv(text, name, columns), start=1):
            emotion = self.naming.emotion(row["label"]) or _NO_FACE_OF_USE.get(row["label"])
            if emotion is None:
                raise FerError(f"{name}, row {number}: {row['label'][:40]!r} is no expression of AffectNet.")
            rows[row["path"].replace("\\", "/")] = Label(emotion, usage, _box(row, name, number) if with_box else None)
        return rows


def _box(row: Mapping[str, str], name: str, number: int) -> tuple[int, int, int, int] | None:
    try:
        left, top, width, height = (round(float(row[key])) for key in _BOX)
    except (ValueError, OverflowError) as error:
        if all(row[key].upper() in ("", "NULL") for key in _BOX):  # of a picture without a face
            return None
        raise FerError(f"{name}, row {number}: the place of the face is no number. Fetch it again.") from error
    if not (0 < width < 1e5 and 0 < height < 1e5 and abs(left) < 1e5 and abs(top) < 1e5):
        raise FerError(f"{name}, row {number}: the face has no place in the picture. Fetch it again.")
    return left, top, left + width, top + height
