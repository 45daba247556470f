import os
import subprocess

import pytest

from fer import config
from tests import known_params

# Networks as small as the tests' gain nothing from more threads, and two workers would wait for each other's.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """Skip what needs a GPU where there is none; keep together what shares a project that takes a minute to build."""
    for item in items:
        if "pipeline" in item.path.parts:
            own = item.path.stem == "test_new_models"
            item.add_marker(pytest.mark.xdist_group("models" if own else "pipeline"))
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu:
        import torch

        if not torch.cuda.is_available():
            for item in gpu:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture
def params() -> config.Params:
    """The parameters, with known values where a test relies on one."""
    return config.Params(**known_params.read())


@pytest.fixture
def committed():
    """Reads a file of the last commit: an experiment in the working tree is nobody's mistake."""

    def read(path: str) -> str:
        shown = subprocess.run(
            ["git", "show", f"HEAD:{path}"], cwd=known_params.TOP, capture_output=True, text=True, check=False
        )
        if shown.returncode:
            pytest.skip(f"the last commit has no {path}")
        return shown.stdout

    return read


def changed(section, **values):
    """A copy of a section of the parameters, checked as `config.load` checks it."""
    return type(section).model_validate(section.model_dump() | values)


@pytest.fixture
def change():
    return changed
