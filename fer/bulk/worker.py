"""One worker: a Predictor in a process of its own, which answers shards and writes a file of answers for each."""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from fer import __version__
from fer.bulk import pictures
from fer.bulk.shards import Shard
from fer.bulk.storage import Place
from fer.data.files import readable
from fer.errors import FerError
from fer.inference.faces import COLUMNS, Photo, row
from fer.inference.predictor import Predictor
from fer.inference.text import one_line

if TYPE_CHECKING:
    import pyarrow

NOTES = ("read", "problem")  # columns beside those of faces.csv


class Answer(TypedDict):
    """What became of a shard.

    Attributes:
        shard: its id.
        pictures, faces, unread: how many.
        problem: why it is not finished; empty if it is.
        hopeless: whether other shards would fare the same.
    """

    shard: str
    pictures: int
    faces: int
    unread: int
    problem: str
    hopeless: bool


def cause(predictor: Predictor, options: Mapping[str, Any], column: str | None) -> dict[str, Any]:
    """All that decides the answers beside the pictures: what two runs into one folder, and all workers, must share.

    Args:
        predictor: the predictor.
        options: what it was made with.
        column: of Parquet files; None to find it.
    """
    models = [
        f"{each.about.name} {each.about.precision} {each.about.weights} {each.share:g}" for each in predictor.networks
    ]
    numbers = {name: options[name] for name in ("tta", "detect", "min_size", "megapixels")}
    return {"fer": __version__, "models": models, **numbers, "column": column}


def unfinished(shard: Shard, reason: str, hopeless: bool = False) -> Answer:
    """The answer that a shard is not finished."""
    return Answer(
        shard=shard.id, pictures=0, faces=0, unread=0, problem=f"{shard} is not finished: {reason}.", hopeless=hopeless
    )


class Worker:
    """Answers shards, one at a time.

    Args:
        output: where answers are written.
        options: of the `Predictor`.
        column: of Parquet files; None to find it.
        expected: the `cause` that this machine's models must have.
    """

    def __init__(self, output: Place, options: dict[str, Any], column: str | None, expected: dict[str, Any]) -> None:
        self._output, self._options, self._column, self._expected = output, options, column, expected
        self._predictor: Predictor | None = None

    def answer(self, shard: Shard) -> Answer:
        """Answer a shard, and write the file of its answers. What goes wrong is a part of the answer."""
        try:
            if self._predictor is None:
                self._predictor = self._open()
            photos = list(self._predictor.stream(pictures.read(shard, self._predictor.megapixels, self._column)))
            self._output.write(shard.part, as_parquet(photos))
        except FerError as error:
            return unfinished(shard, error.message.rstrip("."), hopeless=True)
        except Exception as error:  # the storage does not deliver, or the memory is full
            return unfinished(shard, one_line(error))
        return Answer(
            shard=shard.id,
            pictures=len(photos),
            faces=sum(len(photo.faces) for photo in photos),
            unread=sum(not photo.read for photo in photos),
            problem="",
            hopeless=False,
        )

    def _open(self) -> Predictor:
        import cv2

        cv2.setNumThreads(1)  # there is a worker for each core
        predictor = Predictor(**self._options, threads=1)
        if cause(predictor, self._options, self._column) != self._expected:
            raise FerError(
                "A machine of the cluster has another version of fer, or other models. Install the same on all of them."
            )
        return predictor


def as_parquet(photos: list[Photo]) -> bytes:
    """The content of a Parquet file with a row for each face, and one for each photo without a face."""
    import pyarrow
    from pyarrow import parquet

    schema = _schema()
    columns = zip(*(values for photo in photos for values in _rows(photo)), strict=True)
    arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    content = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), content, compression="zstd")
    return content.getvalue()


def _rows(photo: Photo) -> Iterator[list[Any]]:
    """The values of `COLUMNS` and `NOTES`."""
    name = readable(photo.name)
    for number, face in enumerate(photo.faces, 1):
        yield [name, *row(photo, number, face)[1:], True, None]
    if not photo.faces:
        yield [name, *[None] * (len(COLUMNS) - 1), photo.read, readable(photo.problem)]


def _schema() -> "pyarrow.Schema":
    import pyarrow

    text, whole, number = pyarrow.string(), pyarrow.int32(), pyarrow.float32()
    types = dict.fromkeys(("file", "reasons", "expression", "problem"), text)
    types |= {"face": whole, "size": whole, "read": pyarrow.bool_()}
    return pyarrow.schema([(name, types.get(name, number)) for name in (*COLUMNS, *NOTES)])
