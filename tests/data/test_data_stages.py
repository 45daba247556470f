"""The two data stages, run as the pipeline runs them but in this process."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from PIL import Image
from small_faces import random_faces, write_tree

from fer.data.faces import Faces
from stages import download, split
from tests import known_params


@pytest.mark.slow
def test_download_and_split(tiny: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known_params.write(Path("params.yaml"))
    monkeypatch.setenv("FER2013_ARCHIVE", "set")
    missing = CliRunner().invoke(download.main, [])
    assert missing.exit_code == 1
    assert missing.output.startswith("Error: FER2013_ARCHIVE names set")
    assert not Path("data").exists()

    write_tree(tiny, Path("set"))
    done = CliRunner().invoke(download.main, [], catch_exceptions=False)
    assert "35 faces of fer2013 in data/faces" in done.output
    first = Path("data/faces/images.npy").read_bytes(), Path("data/faces/faces.csv").read_bytes()
    CliRunner().invoke(download.main, [], catch_exceptions=False)
    assert first == (Path("data/faces/images.npy").read_bytes(), Path("data/faces/faces.csv").read_bytes())

    done = CliRunner().invoke(split.main, [], catch_exceptions=False)
    assert done.output.startswith("official: train 21, val 7, test 7")
    outputs = [Path("data/splits.csv"), Path("metrics/data.json"), *Path("plots/data").iterdir()]
    before = [path.read_bytes() for path in outputs]
    CliRunner().invoke(split.main, [], catch_exceptions=False)
    assert before == [path.read_bytes() for path in outputs]


@pytest.mark.slow
def test_an_own_folder_is_divided_by_split_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = known_params.read()
    known_params.merge(content, {"data": {"dataset": "own", "size": 64}})
    Path("params.yaml").write_text(yaml.safe_dump(content))
    faces = random_faces({"": 10})
    for image, name in zip(faces.images, faces.table["name"], strict=True):
        path = Path("own", f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    done = CliRunner().invoke(download.main, [], catch_exceptions=False)
    assert done.output.endswith("70 faces of own in data/faces: not divided yet.\n")
    assert Faces.load("data/faces").images.shape == (70, 64, 64)
    done = CliRunner().invoke(split.main, [], catch_exceptions=False)
    assert done.output.startswith("official: train 56, val 7, test 7; excluded 0.")
