"""The four networks as plain modules, and one `build` by name.

Every module takes what `fer.landmarks` or `cnn.prepare` makes of a face, and returns logits float [B, 7] in
the order of `fer.emotions.EMOTIONS`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fer.errors import FerError

if TYPE_CHECKING:
    from torch import Tensor, nn


def build(name: str, arguments: Mapping[str, Any]) -> "nn.Module":
    """Make the untrained network `name` (one of `fer.emotions.MODELS`) from its constructor's arguments."""
    # Imported here so that one model needs neither the others' libraries nor their loading time.
    if name == "classifier":
        from fer.models.mlp import LandmarkMLP

        return LandmarkMLP(**arguments)
    if name == "transformer":
        from fer.models.ft_transformer import FTTransformer

        return FTTransformer(**arguments)
    if name == "gnn":
        from fer.models.gnn import LandmarkGNN

        return LandmarkGNN(**arguments)
    if name == "cnn":
        from fer.models.cnn import FaceCNN

        return FaceCNN(**arguments)
    raise ValueError(f"no model is called {name!r}")


def rebuild(weights: "Mapping[str, Tensor]", config: Mapping[str, Any]) -> "nn.Module":
    """Make the trained network from what `artifacts.read_model` returns, in evaluation mode.

    Raises:
        FerError: the weights do not fit the config.
    """
    try:
        network = build(config["name"], config["arguments"])
        network.load_state_dict(weights)
    except (RuntimeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FerError(
            f"The checkpoint does not fit its config ({reason}). Delete its folder and run `dvc repro`."
        ) from error
    return network.eval()


def parameter_count(network: "nn.Module") -> int:
    """The number of learnable values."""
    return sum(parameter.numel() for parameter in network.parameters())
