"""Serves the page: to this machine alone unless asked otherwise, without a word to anybody else."""

import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fer.errors import FerError, install
from fer.stopping import Stopped

if TYPE_CHECKING:
    from fer.web.choice import Choice

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_GOODBYE = 2  # seconds in which open connections may end
# Read by Gradio and by the library of Hugging Face that it brings when they are imported.
_SILENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}


def require_gradio() -> None:
    """Check that Gradio is installed.

    Raises:
        FerError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("gradio") is None:
        raise FerError(f"The page needs Gradio, which is not installed: {install('web')}.")


def is_local(host: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Open a port.

    Args:
        host: name or address.
        port: 0 for any that is free.

    Raises:
        FerError: it can't be opened.
    """
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=kind)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FerError(f"Can't listen on {host}, port {port} ({reason}). Choose another --host or --port.") from error


def serve(
    choice: "Choice",
    listener: socket.socket,
    *,
    local: bool,
    host_names: Sequence[str] = (),
    largest: int,
    seconds: float,
    ready: Callable[[], None],
) -> None:
    """Serve the page until Ctrl-C. What it is sent lies in a temporary folder, which is deleted at the end.

    Args:
        choice: of models.
        listener: an open port.
        local: whether only this machine can reach it.
        host_names: other names of the page, in lower case, under which a reverse proxy passes requests on.
        largest: file that may be sent, in bytes.
        seconds: of a clip that are looked at.
        ready: called when the page can be opened.
    """
    with TemporaryDirectory(prefix="fer-web-") as name:
        folder = Path(name).resolve()
        os.environ.update(_SILENT, GRADIO_TEMP_DIR=str(folder))
        hosts = (*_LOCAL_NAMES, listener.getsockname()[0], *host_names) if local else ()
        _run(_application(choice, folder, hosts=hosts, largest=largest, seconds=seconds), listener, ready)


def _application(choice: "Choice", folder: Path, *, hosts: Sequence[str], largest: int, seconds: float) -> Any:
    """The page as an application (ASGI), which answers under some names of its host alone; without any, under all."""
    import gradio as gr
    from fastapi import FastAPI
    from gradio import processing_utils

    from fer.web import page as pages
    from fer.web.guard import Guard

    # A client may name an address instead of a file, and Gradio would download it.
    processing_utils.async_ssrf_protected_download = _no_download
    page = pages.build(choice, folder, seconds)
    application = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        page,
        "/",
        footer_links=[],
        run_history=False,  # in the browser's memory
        max_file_size=largest,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        # Its fonts come with Gradio. Its small print is too pale to read.
        theme=gr.themes.Default().set(
            block_info_text_color="*body_text_color", block_info_text_color_dark="*body_text_color"
        ),
        css=pages.style(),
    )
    page.has_launched = True  # or Gradio would take any file of this machine for one that was sent
    return Guard(application, hosts, largest, str(folder))


async def _no_download(*_: Any, **__: Any) -> str:
    raise FerError("Web addresses are not downloaded. Send the file itself.")


def _run(application: Any, listener: socket.socket, ready: Callable[[], None]) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    # Gradio has its messages printed; requests are nobody's business.
    config = uvicorn.Config(
        application, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=_GOODBYE
    )
    with suppress(KeyboardInterrupt, Stopped):  # uvicorn ends on a signal, and then repeats it
        Server(config).run([listener])
