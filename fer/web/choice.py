"""The models that a page lets people choose from, and a Predictor for each choice."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fer.explain import OCCLUSION
from fer.inference import registry
from fer.inference.predictor import Predictor
from fer.inference.text import printable

_OPEN = 8  # Predictors that are kept


class Choice:
    """The models to choose from. Several threads may share one.

    Args:
        options: of the Predictor, by name: `models` are chosen at first, `models_folder` holds those to choose from.

    Attributes:
        names: of the models, as people see them.
        first: those that are chosen at first.

    Raises:
        FerError: a model can't be used, or an option is out of range.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)
        chosen, folder = self._options.pop("models"), self._options["models_folder"]
        known = registry.released() if folder is None else registry.in_folder(folder)
        chosen = tuple(chosen) or (registry.default(known, folder),)
        self._models: dict[str, str] = {}
        for model in dict.fromkeys((*known, *chosen)):
            name, number = _shown(model, known), 1
            while name in self._models:  # another file of this name
                number += 1
                name = f"{_shown(model, known)} ({number})"
            self._models[name] = model
        self.names = list(self._models)
        self.first = [name for model in chosen for name in self.names if self._models[name] == model]
        self._open = lru_cache(_OPEN)(self._predictor)
        self.predictor(self.first)

    def predictor(self, names: Collection[str], *, explain: bool = False, threads: int | None = None) -> Predictor:
        """The Predictor that averages models.

        Args:
            names: of the models; without any that is to choose from, those that are chosen at first answer.
            explain: whether faces get their heat maps.
            threads: of each call of a network; None for all cores.

        Raises:
            FerError: a model can't be used.
            NotExplainable: heat maps were asked for, but several models answer.
        """
        chosen = [name for name in self.names if name in names] or self.first
        return self._open(tuple(self._models[name] for name in chosen), OCCLUSION if explain else None, threads)

    def _predictor(self, models: tuple[str, ...], explain: str | None, threads: int | None) -> Predictor:
        return Predictor(models, explain=explain, threads=threads, **self._options)


def _shown(model: str, known: Collection[str]) -> str:
    """The name of a model; of a file, its name without its folder, which is nobody's business."""
    return printable(model if model in known else Path(model).stem)
