"""A YAML file into a pydantic model, with every problem in one line."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from fer.errors import FerError

Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, but for keys given twice, of which it would take the last without a word."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [getattr(key, "value", None) for key, _ in node.value]
    twice = sorted({str(key) for key in keys if keys.count(key) > 1})
    if twice:
        line = node.start_mark.line + 1
        raise yaml.YAMLError(f"{', '.join(twice)} is given twice in the block that begins in line {line}")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: Path | str, kind: type[Model]) -> Model:
    """Read and check a file.

    Args:
        path: a YAML file that holds a mapping.
        kind: what it must hold.

    Raises:
        FerError: the file is missing, is no YAML, or does not hold `kind`; the message names every problem.
    """
    path = Path(path)
    try:
        # A loader of ours that is yaml's safe one.
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError as error:
        raise FerError(f"{path} is missing. Run this in the project's top folder.") from error
    except UnicodeDecodeError as error:
        raise FerError(f"{path} is no UTF-8 text ({error.reason} at byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise FerError(
            f"{path} can't be read ({error.strerror}). Check that it is a file that you may read."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise FerError(f"{path} is no valid YAML: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise FerError(f"{path} must hold sections such as `data:` and `train:`.")
    return _check(content, kind, str(path))


def change(found: Model, assignments: Iterable[str]) -> tuple[Model, dict[str, Any]]:
    """A copy with other values, as `dvc exp run -S` gives them.

    Args:
        found: what `read` gives.
        assignments: `section.key=value`, the value as YAML.

    Returns:
        The copy, and the new values by their dotted keys.

    Raises:
        FerError: an assignment has another form or an unknown key, or a value is out of range.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        try:
            values[key.strip()] = yaml.load(value, _Loader)
        except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
            raise FerError(f"-S {text[:200]}: the value is no valid YAML.") from error
        if not equals or not value:
            raise FerError(f"-S {text}: write it as section.key=value.")
    return with_values(found, values), values


def with_values(found: Model, values: Mapping[str, Any]) -> Model:
    """A copy with other values, by their dotted keys.

    Raises:
        FerError: a key is unknown, or a value is out of range.
    """
    content = found.model_dump()
    for key, value in values.items():
        *sections, last = key.split(".")
        place: Any = content
        for name in sections:
            place = place.get(name) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            raise FerError(f"{key} is not a known key.")
        place[last] = value
    return _check(content, type(found), "The settings")


def flat(content: BaseModel | Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """All values of nested sections by their dotted keys: `{"mlp.optim.ema": 0.998, ...}`."""
    found: dict[str, Any] = {}
    for key, value in (content.model_dump() if isinstance(content, BaseModel) else content).items():
        found |= flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {before + key: value}
    return found


def _check(content: dict[str, Any], kind: type[Model], where: str) -> Model:
    try:
        return kind(**content)
    except ValidationError as error:
        raise FerError(f"{where}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    problems = []
    for item in error.errors():
        key, value = ".".join(str(part) for part in item["loc"]), item["input"]
        reason = str(item["msg"]).removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            problems.append(f"{key} is not a known key")
        elif item["type"] == "missing":
            problems.append(f"{key} is missing")
        elif isinstance(value, dict | BaseModel) or not key:  # a rule between keys: the reason names them
            problems.append(f"{key}: {reason}" if key else reason)
        else:
            problems.append(f"{key} = {repr(value)[:80]}: {reason}")
    return "; ".join(problems)
