"""Which values of a setting `fer.tune` tries: declared beside the setting's range (`config.py`, `config_parts.py`)."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Search:
    """Values worth trying, as metadata of a setting: `lr: Annotated[float, Field(gt=0), Search(1e-4, 1e-2, log=True)]`.

    Attributes:
        low, high: both ends of a range; of whole numbers if both are.
        log: whether the range is drawn from by orders of magnitude.
        choices: instead of a range, the values themselves; JSON texts of lists.
    """

    low: float = 0
    high: float = 0
    log: bool = False
    choices: tuple[float | int | str, ...] = ()

    def including(self, value: Any) -> "Search":
        """The same with one value more; a range is widened."""
        if self.choices:
            known = encode(value)
            return self if known in self.choices else Search(choices=(*self.choices, known))
        return Search(min(self.low, value), max(self.high, value), self.log and value > 0)


def encode(value: Any) -> float | int | str:
    """A value as a study can hold it."""
    return json.dumps(value) if isinstance(value, list) else value


def decode(values: Mapping[str, Any], searched: Mapping[str, Search]) -> dict[str, Any]:
    """The settings' values: lists from their texts, numbers of a range with three digits, as a person writes them.

    Args:
        values: as a study holds them.
        searched: what `space` returns, for the same keys.
    """

    def one(value: Any, search: Search) -> Any:
        if search.choices:
            return json.loads(value) if isinstance(value, str) and value.startswith("[") else value
        return min(max(float(f"{value:.3g}"), search.low), search.high) if isinstance(value, float) else value

    return {key: one(value, searched[key]) for key, value in values.items()}


def space(section: BaseModel, name: str) -> dict[str, Search]:
    """What may be tried of a section, the values that it has now included.

    Args:
        section: of the settings.
        name: its name, which stands before each key.

    Returns:
        The values of each setting, by dotted keys.
    """

    def walk(part: BaseModel, before: str) -> Iterator[tuple[str, Search]]:
        for key, field in type(part).model_fields.items():
            value = getattr(part, key)
            if isinstance(value, BaseModel):
                yield from walk(value, f"{before}{key}.")
            yield from ((before + key, found.including(value)) for found in field.metadata if isinstance(found, Search))

    return dict(walk(section, f"{name}."))


def as_options(values: Mapping[str, Any]) -> str:
    """Settings as options of `dvc exp run`: `-S mlp.lr=0.002 -S 'mlp.hidden=[512, 256]'`."""
    # DVC reads 1e-05 as a number and PyYAML as a text, so exponents are written out.
    texts = {key: f"{Decimal(str(value)):f}" if isinstance(value, float) else value for key, value in values.items()}
    return " ".join(f"-S {shlex.quote(f'{key}={text}')}" for key, text in texts.items())
