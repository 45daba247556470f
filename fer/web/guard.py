"""What a page's server lets through: the page's own routes, from the page itself, of limited size.

Gradio's server does more than this page needs: it downloads addresses that a client names, records, and shows files.
"""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_PAGES = ("/", "/config", "/favicon.ico", "/manifest.json", "/robots.txt", "/theme.css")
_BELOW = ("/assets/", "/static/", "/svelte/")
_API = "/gradio_api/"
_CALLS = ("upload", "upload_progress", "theme.css", "cancel", "reset", "reset/", "info", "startup-events")
_CALLS_BELOW = ("queue/", "stream/", "heartbeat/")
_OVERHEAD = 100_000  # bytes of a request around the file that it carries

# The browser may connect to this server and to no other.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
_UNSTORED = (b"cache-control", b"no-store")


class Guard:
    """Refuses what the page does not need, before the application sees it.

    Args:
        app: the application (ASGI).
        hosts: names by which this server may be called; any if there are none. A foreign name that leads here
            would let another page read this one (DNS rebinding).
        largest: file that may be sent, in bytes.
        folder: for temporary files, below which files may be asked for.
    """

    def __init__(self, app: App, hosts: Collection[str], largest: int, folder: str) -> None:
        self._app, self._hosts, self._largest, self._folder = app, hosts, largest, folder

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            headers = _HEADERS if scope["path"].startswith(_BELOW) else [*_HEADERS, _UNSTORED]
            if refusal is None:
                await self._app(scope, receive, _with(headers, send))
            else:
                await _refuse(_with(headers, send), *refusal)

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """The status and the reason with which a request is refused, None if it is let through."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._hosts and urlsplit(f"//{host}").hostname not in self._hosts:
            return 421, "This page can be reached under its own address only."
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "Requests from other sites are not allowed."
        if not self._known(scope["path"]):
            return 404, "Not found."
        if scope["method"] in ("POST", "PUT", "PATCH"):
            size = headers.get("content-length", "")
            if not size.isdigit():
                return 411, "The Content-Length header is missing."
            if int(size) > self._largest * 4 // 3 + _OVERHEAD:  # within a message, four bytes stand for three
                return 413, f"The file is too large: the limit is {self._largest:,} bytes."
        return None

    def _known(self, path: str) -> bool:
        if not path.startswith(_API):
            return path in _PAGES or path.startswith(_BELOW)
        call = path.removeprefix(_API)
        return call in _CALLS or call.startswith((*_CALLS_BELOW, f"file={self._folder}/"))


def _with(headers: list[tuple[bytes, bytes]], send: Send) -> Send:
    """Replace headers of an answer."""
    names = {name for name, _ in headers}

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message.get("headers", []) if header[0].lower() not in names]
            message = {**message, "headers": [*kept, *headers]}
        await send(message)

    return wrapped


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
