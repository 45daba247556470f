"""Imports point one way, as docs/architecture.md draws them."""

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
LAYERS = (
    (
        "averaging",
        "emotions",
        "errors",
        "hashing",
        "paths",
        "preloaded",
        "progress",
        "sizes",
        "stopping",
        "versions",
        "writing",
    ),
    (
        "artifacts",
        "commands",
        "config",
        "config_data",
        "config_file",
        "config_parts",
        "depthwise",
        "device",
        "pipeline_file",
        "search",
        "stage_times",
    ),
    ("data",),
    ("landmarks",),
    ("inputs",),
    ("explain",),
    ("models",),
    ("training",),
    ("evaluation",),
    ("inference", "pretrained"),
    ("bulk", "export", "web"),
    ("check", "cli", "demo", "release", "plan", "untracked", "__main__"),
    ("repro", "studies", "tune_figure", "variants"),
    ("seeds", "tune"),
    ("experiments", "findings"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def imported(source: Path) -> set[str]:
    """Every module of the project that a file imports, also within functions, as dotted names."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] in ("fer", "stages")}


@pytest.mark.parametrize(
    "source",
    sorted(set((TOP / "fer").rglob("*.py")) - {TOP / "fer/__init__.py"}),
    ids=lambda path: str(path.relative_to(TOP)),
)
def test_a_file_imports_only_from_its_own_layer_and_those_below(source):
    own = RANK.get(source.relative_to(TOP / "fer").parts[0].removesuffix(".py"))
    for name in imported(source):
        top, *rest = name.split(".")
        assert top == "fer", f"fer must not know the stages: {name}"
        if rest and rest[0] in RANK:
            assert own is not None
            assert RANK[rest[0]] <= own, name


def test_every_room_has_its_layer():
    rooms = {path.relative_to(TOP / "fer").parts[0].removesuffix(".py") for path in (TOP / "fer").rglob("*.py")}
    rooms -= {"__init__"}
    assert rooms == set(RANK)
