"""`fer web`."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import click

from fer.cli.options import Finite, Whole, predictor_options
from fer.cli.terminal import say
from fer.errors import install

_MEGABYTE = 1_000_000


def _host_names(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if urlsplit(f"//{name}").hostname != name.lower():
            raise click.BadParameter(f"'{name}' is not a host name such as faces.example.org, without scheme and port.")
    return tuple(name.lower() for name in names)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all networks.")
@click.option("--port", default=7860, show_default=True, type=Whole(0, 65_535), help="Port; 0 for any free one.")
@click.option(
    "--allow-host",
    "host_names",
    multiple=True,
    metavar="NAME",
    callback=_host_names,
    help="Also answer under this name, for a reverse proxy that passes the Host header on. Repeatable.",
)
@click.option(
    "--max-upload", default=20.0, show_default=True, type=Finite(0.001), metavar="MB", help="Refuse larger files."
)
@click.option(
    "--max-clip",
    default=30.0,
    show_default=True,
    type=Finite(1, 3600),
    metavar="SECONDS",
    help="Process only this much of a clip, from its start.",
)
@predictor_options
def web(host: str, port: int, host_names: tuple[str, ...], max_upload: float, max_clip: float, **options: Any) -> None:
    """Serve a local web page for photos, camera and short clips.

    Drop, paste or take a photo: each face gets a box, a bar for each emotion, its quality and, if you like, a heat map.
    Only this machine can reach the page unless --host says otherwise. Uploads are not kept, and nothing is sent to
    other machines. Press Ctrl-C to stop.

    \b
    fer web
    fer web --model cnn --model mlp          start with these two models
    fer web --models models/onnx --port 8000
    fer web --allow-host faces.example.org   behind a reverse proxy

    Exit status: 0 after Ctrl-C, 1 if the page can't be served, 2 for a usage error.
    """  # noqa: D301  click needs the backspace itself
    from fer.web import server

    server.require_gradio()
    from fer.web.choice import Choice

    local = server.is_local(host)
    with server.listen(host, port) as listener:
        address = listener.getsockname()
        server.serve(
            Choice(options),
            listener,
            local=local,
            host_names=host_names,
            largest=round(max_upload * _MEGABYTE),
            seconds=max_clip,
            ready=lambda: say("\n".join(_said(host, address[1], local, host_names))),
        )


def _said(host: str, port: int, local: bool, host_names: Sequence[str] = ()) -> Iterator[str]:
    """Where the page is, and who can reach it."""
    everywhere = host in ("0.0.0.0", "::", "")
    shown = "localhost" if everywhere else f"[{host}]" if ":" in host else host
    yield f"Open http://{shown}:{port} in a browser. Press Ctrl-C to stop."
    if local:
        proxy = f", such as a reverse proxy for {' and '.join(host_names)}" if host_names else ""
        yield f"Only programs on this machine{proxy} can reach it."
    else:
        who = "this machine over a network" if everywhere else f"{host} port {port}"
        yield (
            f"Anybody who can reach {who} can use the page and send pictures to it: there is no password and no "
            "encryption. Browsers on other machines do not let the page use their camera."
        )
    if find_spec("av") is None:
        yield f"Clips need PyAV, which is not installed: {install('video')}."
