import os
import subprocess

import pytest

from fer import config
from fer.emotions import EMOTIONS
from tests import known_params

# Networks as small as the tests' gain nothing from more threads, and two workers would wait for each other's.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What an ONNX file of the tests says of itself.
ABOUT = {
    "name": "small", "inputs": ["pixels"], "weights": "0" * 64, "precision": "float32", "dataset": "fer2013",
    "version": "0", "licence": "MIT", "size": 48, "landmarks": None, "emotions": list(EMOTIONS),
}  # fmt: skip


# What takes longest comes first, so that in the end no worker is alone with it. While one builds the small project, the
# other has enough to do that does not wait for it.
FIRST = ("pipeline/test_pipeline.py", "benchmarks/", "bulk/", "pipeline/")


def pytest_collection_modifyitems(items):
    """Put the longest files first, and skip what needs a GPU where there is none."""
    items.sort(key=_turn)
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu:
        import torch

        if not torch.cuda.is_available():
            for item in gpu:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


def _turn(item):
    file = item.path.relative_to(known_params.TOP / "tests").as_posix()
    return next((turn for turn, start in enumerate(FIRST) if file.startswith(start)), len(FIRST))


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


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """A folder with a network on pixels and one on landmarks as ONNX files; that on pixels, and some faces."""
    import numpy as np
    import torch

    from fer import inputs, models
    from fer.export import onnx_file

    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    cnn = models.network("cnn")(backbone="timm:test_resnet", hidden=8, dropout=0.0, image_size=32).eval()
    mlp = models.network("mlp")(hidden=(8,), dropout=0.0).eval()
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    points = np.random.default_rng(0).normal(size=(3, 478, 3)).astype(np.float32)
    onnx_file.write(folder / "small.onnx", cnn, {"pixels": faces}, ABOUT)
    settings = inputs.settings(("landmarks",), config.Params(**known_params.read()))
    about = ABOUT | {"name": "points", "inputs": ["landmarks"], **settings}
    onnx_file.write(folder / "points.onnx", mlp, {"landmarks": points}, about)
    return folder, cnn, faces


def changed(section, **values):
    """A copy of a section of the parameters, checked as `config.load` checks it."""
    return type(section).model_validate(section.model_dump() | values)


@pytest.fixture
def change():
    return changed
