"""Fetches photos by their addresses, where a user asks for that: http and https alone, of limited size and time."""

import ipaddress
import re
import socket
import threading
import time
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from fer import __version__
from fer.errors import FerError
from fer.inference.text import one_line, printable

LARGEST = 100_000_000  # bytes
SECONDS = 30.0  # from the look-up of the name to the last byte
_REDIRECTS = 5
_CHUNK = 1 << 16  # bytes
_KEPT = "%/:=&?~#+!$,;'@()*[]"  # characters of a path or a query that are not quoted


def is_url(name: str) -> bool:
    """Whether a name is an address on the web instead of a file."""
    return re.match(r"https?://", name, re.IGNORECASE) is not None


def has_other_scheme(name: str) -> bool:
    """Whether a name is an address that is not fetched: ftp, file and the like."""
    return re.match(r"[a-z][a-z0-9+.-]*://", name, re.IGNORECASE) is not None and not is_url(name)


def file_name(address: str) -> str:
    """A name for a file with what an address shows: the last part of its path, or its host."""
    parts = urlsplit(address)
    last = unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.netloc
    return re.sub(r"[^\w.-]", "_", last).lstrip(".")[-100:] or "photo"


def fetch(address: str) -> bytes:
    """The content of an address.

    Args:
        address: as `is_url` knows it.

    Raises:
        FerError: it can't be fetched, is too large or too slow, or leads to another kind of address.
    """
    found: list[bytes | BaseException] = []

    def work() -> None:
        try:
            found.append(_download(address, time.monotonic() + SECONDS))
        except BaseException as error:
            found.append(error)

    # The look-up of a name and a server's headers know no limit of their own; a daemon does not keep the program.
    thread = threading.Thread(target=work, name="fer-fetch", daemon=True)
    thread.start()
    thread.join(SECONDS + 1)
    (answer,) = found or [TimeoutError()]
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, FerError):
        raise answer
    if isinstance(answer, TimeoutError) or isinstance(getattr(answer, "reason", None), TimeoutError):
        raise FerError(f"The download of {printable(address)} took longer than {SECONDS:g} seconds.") from answer
    cause = getattr(answer, "reason", None)  # of urllib's, which would put brackets around it
    problem = cause if isinstance(cause, BaseException) else answer
    shown = printable(getattr(problem, "strerror", None) or one_line(problem))
    raise FerError(f"{printable(address)} can't be downloaded ({shown}).") from answer


def _download(address: str, deadline: float) -> bytes:
    from urllib.request import Request

    request = Request(_quoted(address), headers={"User-Agent": f"fer/{__version__}", "Accept-Encoding": "identity"})
    with _opener().open(request, timeout=SECONDS) as response:
        parts, size = [], 0
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                raise FerError(f"{printable(address)} is larger than {LARGEST / 1e6:g} MB.")
            if time.monotonic() > deadline:
                raise TimeoutError
        return b"".join(parts)


def _quoted(address: str) -> str:
    """An address as people paste it, with spaces or letters beyond ASCII, as it is sent.

    Raises:
        ValueError: its host is no valid name.
    """
    if address.isascii() and address.isprintable() and " " not in address:
        return address
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    host = host if host.isascii() else host.encode("idna").decode("ascii")
    path, query = quote(parts.path, safe=_KEPT), quote(parts.query, safe=_KEPT)
    return urlunsplit((parts.scheme, f"{user}{at}{host}", path, query, ""))


def _is_private(address: str) -> bool:
    """Whether an address leads to this machine or into a local network, where a public site may not send anybody."""
    try:
        found = socket.getaddrinfo(urlsplit(address).hostname, None)
    except (OSError, ValueError):  # opening it says so
        return False
    return any(not ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found)


def _opener() -> Any:
    """What opens http and https and follows redirects to these; urllib's own also reads files and ftp."""
    from urllib import request

    class Redirects(request.HTTPRedirectHandler):
        max_redirections = _REDIRECTS

        def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
            leads = f"{printable(req.full_url)} redirects to {printable(newurl)[:100]}"
            if not is_url(newurl):
                raise FerError(f"{leads}, which is not a web address (http or https).")
            if _is_private(newurl) and not _is_private(req.full_url):
                raise FerError(f"{leads}, which is in a private network, so it is not downloaded.")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        Redirects,
    ):
        opener.add_handler(handler())
    return opener
