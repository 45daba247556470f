"""What a browser has sent: a file of the temporary folder, or a picture within the message itself."""

import base64
import binascii
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from fer.errors import FerError
from fer.inference.text import printable

Sent = Mapping[str, Any]
"""A file as Gradio describes it: `path` or, for a picture within the message, `url`, and `orig_name`."""

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Upload:
    """A file that was sent.

    Attributes:
        name: which it has where it comes from.
        content: in bytes.
    """

    name: str
    content: bytes


def name_of(sent: Sent, otherwise: str) -> str:
    """The name that a file has where it comes from, safe to show.

    Args:
        sent: by the browser.
        otherwise: the name of a file without one.
    """
    return printable(PurePath(str(sent.get("orig_name") or "")).name)[:_LONGEST_NAME] or otherwise


def read(sent: Sent, folder: Path, otherwise: str) -> Upload:
    """Read a picture that was sent.

    Args:
        sent: by the browser.
        folder: for temporary files, where the file must lie.
        otherwise: the name of a picture without one.

    Raises:
        FerError: there is no such file any more.
    """
    head, comma, text = str(sent.get("url") or "").partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        try:
            return Upload(otherwise, base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise FerError(f"{otherwise} arrived damaged. Send it again.") from error
    return Upload(name_of(sent, otherwise), _file(sent, folder).read_bytes())


@contextmanager
def copied(sent: Sent, folder: Path, otherwise: str) -> Iterator[Path]:
    """A copy of a file that was sent, alone in a folder, which is deleted at the end of the block.

    The file itself is deleted by age, and would be lost while others are answered.

    Raises:
        FerError: as `read`.
    """
    source = _file(sent, folder)
    with TemporaryDirectory(dir=folder) as own:
        copy = Path(own, "upload" + PurePath(name_of(sent, otherwise)).suffix)
        shutil.copyfile(source, copy)
        yield copy


def _file(sent: Sent, folder: Path) -> Path:
    """The path of a file that was sent, if it is in the temporary folder and not anywhere else on the disk."""
    path = Path(str(sent.get("path") or "")).resolve()
    if folder.resolve() not in path.parents or not path.is_file():
        raise FerError("The file is no longer available. Choose it again.")
    return path
