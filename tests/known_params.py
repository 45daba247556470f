"""params.yaml with known values wherever a test relies on one.

Whoever runs the tests may be in the middle of an experiment, or have just run the demo: then the file in the
working tree holds other values than the committed ones.
"""

from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[1]
KNOWN = {
    "data": {"dataset": "fer2013", "labels": None, "size": 48, "seed": 42},
    "split": {"protocol": "official", "drop_leaks": False, "hash_distance": 10, "correlation": 0.9},
    "landmarks": {
        "workers": 0,
        "presence": 0.5,
        "views": [{"border": 0.25, "mirrored": False}, {"border": 0.25, "mirrored": True}],
    },
    "graphs": {"edges": "anatomical", "neighbours": 6},
    "train": {"seed": 42, "device": "auto", "precision": "auto", "devices": 1, "nodes": 1, "strategy": "auto"},
    "cnn": {
        "mixup_alpha": 0.2,
        "hidden": 512,
        "augment": {
            "flip": 0.5,
            "pixels": {
                "rotation": 15.0,
                "translation": 0.08,
                "scale": 0.15,
                "brightness": 0.2,
                "contrast": 0.2,
                "erasing": 0.1,
            },
        },
    },
    "evaluate": {"bootstrap": 1000, "errors_of": "best"},
}


def read() -> dict[str, Any]:
    """The content of params.yaml, with `KNOWN` over it."""
    content = yaml.safe_load((TOP / "params.yaml").read_text())
    merge(content, KNOWN)
    return content


def write(path: Path) -> None:
    """Write what `read` gives."""
    path.write_text(yaml.safe_dump(read(), sort_keys=False))


def merge(content: dict[str, Any], changes: dict[str, Any]) -> None:
    """Put changes, section by section, into the content of a params.yaml."""
    for key, value in changes.items():
        if isinstance(value, dict):
            merge(content[key], value)
        else:
            content[key] = value
