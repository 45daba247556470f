"""Digests: of files and arrays, to tell whether something is still the same."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

Buffer = bytes | memoryview


def sha256_of_file(path: Path | str) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits.

    Raises:
        OSError: the file can't be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(parts: Iterable[Buffer] | Buffer) -> str:
    """The SHA-256 of bytes, or of several parts one after the other, in hexadecimal digits."""
    digest = hashlib.sha256()
    for part in (parts,) if isinstance(parts, bytes | memoryview) else parts:
        digest.update(part)
    return digest.hexdigest()
