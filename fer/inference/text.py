"""Text that is safe to show: file names and metadata may hold line breaks, escape codes and broken UTF-8."""

import unicodedata

_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # categories: what a terminal obeys, lone surrogates, line separators
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # reorder what is seen


def printable(text: str) -> str:
    r"""Text in which control characters and invalid UTF-8 are escaped, as in `\x1b`."""
    text = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(repr(letter)[1:-1] if _obeyed(letter) else letter for letter in text)


def one_line(error: BaseException, length: int = 200) -> str:
    """The message of an exception as part of a line; its type if there is no message."""
    text = printable(" ".join(str(error).split()))[:length].rstrip(". ")
    return text or type(error).__name__


def _obeyed(letter: str) -> bool:
    return not letter.isprintable() and (unicodedata.category(letter) in _CONTROLS or letter in _DIRECTIONS)
