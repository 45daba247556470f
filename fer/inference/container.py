"""Opens video files and network streams with PyAV; refuses playlists, which would make it open other files."""

from typing import TYPE_CHECKING

from fer.data import files
from fer.errors import FerError, install
from fer.inference.text import one_line, printable

if TYPE_CHECKING:
    import av

PROTOCOLS = ("rtsp://", "rtsps://", "rtmp://", "rtmps://", "http://", "https://", "udp://", "srt://")
# Kinds of file that name other files, which PyAV would open too.
_PLAYLISTS = {"avisynth", "concat", "concatf", "dash", "hls", "imf", "sdp", "vapoursynth", "webm_dash_manifest"}
_PATIENCE = 10.0  # seconds to wait for a network stream


def require_pyav() -> None:
    """Check that PyAV is installed.

    Raises:
        FerError: it is not.
    """
    try:
        import av  # noqa: F401
    except ModuleNotFoundError as error:
        raise FerError(f"Video needs PyAV, which is not installed: {install('video')}.") from error


def open_container(name: str) -> "av.container.InputContainer":
    """Open a video file or a network stream with PyAV.

    Raises:
        FerError: it can't be read, or PyAV is not installed.
    """
    require_pyav()
    import av

    shown, options, address = printable(name), {}, name
    if not name.lower().startswith(PROTOCOLS):
        path = files.expanded(name)
        if path.is_dir():
            raise FerError(f"{shown} is a folder. Name a video file in it.")
        files.open_regular(path).close()
        # A playlist that calls itself a video must not make this program read or fetch what it names.
        kinds = ",".join(sorted(av.formats_available - _PLAYLISTS))
        options, address = {"protocol_whitelist": "file", "format_whitelist": kinds}, f"file:{path.absolute()}"
    elif name.lower().startswith("rtsp"):
        options = {"rtsp_transport": "tcp"}
    try:
        return av.open(address, options=options, timeout=_PATIENCE, metadata_errors="replace")
    except av.error.InvalidDataError as error:
        raise FerError(f"{shown} is not a readable video, or its end is missing.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise FerError(f"{shown} can't be read as a video ({reason}).") from error
