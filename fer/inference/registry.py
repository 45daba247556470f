"""The models at hand: those that come with the package, and those trained in this folder."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from fer.errors import FerError
from fer.inference.network import Network

OWN = Path("models/onnx")


def packaged() -> Path:
    """The folder of the models that come with the package."""
    return Path(str(files("fer"))) / "pretrained"


def at_hand(own: Path = OWN) -> dict[str, Path]:
    """The file of each model by its name: the package's, or that of one's own training where that has other weights."""
    found = {path.stem: path for path in sorted(packaged().glob("*.onnx"))}
    for path in sorted(own.glob("*.onnx")):
        known = found.get(path.stem)
        if known is None or Network(known).about.weights != Network(path).about.weights:
            found[path.stem] = path
    return found


def load(names: Sequence[str] = (), threads: int | None = None) -> list[Network]:
    """The models with these names, or, without any, the one with the best accuracy on val.

    Args:
        names: of models, or paths of .onnx files.
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: there is no such model, or none at all.
    """
    if any(name.endswith(".onnx") for name in names):
        known = {}
    else:
        known = at_hand()
        if not known:
            raise FerError(f"No models are at hand, neither in {packaged()} nor in {OWN}. Train them with `dvc repro`.")
    if not names:
        networks = [Network(path, threads) for path in known.values()]
        return [max(networks, key=lambda network: network.about.val)]
    for name in names:
        if name not in known and not name.endswith(".onnx"):
            raise FerError(f"There is no model {name!r}. At hand: {', '.join(known)}; or name an .onnx file.")
    return [Network(known.get(name, Path(name)), threads) for name in names]
