"""The models at hand: those that come with the package, and those trained in this folder."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from fer.errors import FerError
from fer.inference.network import About, Network

OWN = Path("models/onnx")
DRAWN = "drawn"  # the embedded data set


def packaged() -> Path:
    """The folder of the models that come with the package."""
    return Path(str(files("fer"))) / "pretrained"


def at_hand(threads: int | None = None, only: Sequence[str] = ()) -> dict[str, Network]:
    """Each model by its name: the package's, or that of one's own training where that has other weights.

    Args:
        threads: of one call; None leaves it to onnxruntime.
        only: the names of those that are wanted; without any, all.
    """
    found: dict[str, Network] = {}
    for path in [*sorted(packaged().glob("*.onnx")), *sorted(OWN.glob("*.onnx"))]:
        if only and path.stem not in only:
            continue
        network, packed = Network(path, threads), found.get(path.stem)
        if packed is None or _replaces(network.about, packed.about):
            found[path.stem] = network
    return found


def _replaces(own: About, packed: About) -> bool:
    """What the demo trained on drawn faces stays behind it, and is no model for photos."""
    return own.weights != packed.weights and (own.dataset != DRAWN or packed.dataset == DRAWN)


def load(names: Sequence[str] = (), threads: int | None = None) -> list[Network]:
    """The models with these names, or, without any, the one with the best accuracy on val.

    Args:
        names: of models, or paths of .onnx files.
        threads: of one call; None leaves it to onnxruntime.

    Raises:
        FerError: there is no such model, or none at all.
    """
    if names and all(name.endswith(".onnx") for name in names):
        return [Network(name, threads) for name in names]
    known = at_hand(threads, names)
    if not known and not at_hand():
        raise FerError(f"No models are at hand, neither in {packaged()} nor in {OWN}. Train them with `dvc repro`.")
    if not names:
        return [max(known.values(), key=lambda network: network.about.val)]
    for name in names:
        if name not in known and not name.endswith(".onnx"):
            raise FerError(f"There is no model {name!r}. At hand: {', '.join(at_hand())}; or name an .onnx file.")
    return [known[name] if name in known else Network(name, threads) for name in names]
