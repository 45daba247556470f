from pathlib import Path

import pytest

from fer import config

TOP = Path(__file__).parents[1]


@pytest.fixture
def params() -> config.Params:
    """The committed parameters."""
    return config.load(TOP / "params.yaml")


def changed(section, **values):
    """A copy of a section of the parameters, checked as `config.load` checks it."""
    return type(section).model_validate(section.model_dump() | values)


@pytest.fixture
def change():
    return changed
