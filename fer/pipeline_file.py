"""Whether `dvc.yaml` has all that the sections of `params.yaml` need: what a loop of DVC can't add by itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fer import config, paths

FILE = Path("dvc.yaml")


def problems(pipeline: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each entry or group of dependencies that is missing or left over.

    Args:
        pipeline: the content of `dvc.yaml`.
    """
    entries: dict[str, Any] = {}
    for one in pipeline.get("vars", ()):
        entries |= one if isinstance(one, Mapping) else {}
    networks, ensembles, students = list(config.networks()), config.ensembles(), config.students()
    for key, names in (("models", networks), ("ensembles", ensembles), ("students", students)):
        yield from _entries(key, list(entries.get(key, ())), names)
    code = {name: f"fer/models/{entry['code']}.py" for name, entry in entries.get("models", {}).items()}
    teachers = [name for name in networks if name not in students]
    needed = {
        "ensemble": [f"{paths.PREDICTIONS / name}.parquet" for name in teachers],
        "soft_labels": [
            *(str(paths.MODELS / name) for name in teachers),
            *(str(paths.ONNX / f"{name}.json") for name in ensembles),
            *(code[name] for name in teachers if name in code),
        ],
        "error_analysis": [f"{paths.PREDICTIONS / name}.parquet" for name in (*networks, *ensembles)],
        "explain": [
            *(f"{paths.PREDICTIONS / name}.parquet" for name in networks),
            *(str(paths.MODELS / name) for name in networks),
            *(code[name] for name in networks if name in code),
        ],
    }
    for stage, files in needed.items():
        content = pipeline.get("stages", {}).get(stage, {})
        found = set(map(str, content.get("do", content).get("deps", ())))
        lacking = [file for file in dict.fromkeys(files) if file not in found]
        if lacking:
            yield f"In {FILE}, the stage {stage} must depend on {', '.join(lacking)}."


def _entries(key: str, found: list[str], names: list[str]) -> Iterator[str]:
    for name in names:
        if name not in found:
            yield f"{FILE} has no entry {name} under `{key}`."
    for name in found:
        if name not in names:
            yield f"{FILE} has an entry {name} under `{key}`, which `Params` in fer/config.py does not have."
