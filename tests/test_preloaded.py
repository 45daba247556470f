"""What the demo and the tests speed up writes what DVC writes."""

from collections import OrderedDict

import pytest
from dvc.utils import strictyaml
from dvc.utils.serialize import _yaml

from fer import preloaded
from tests.known_params import TOP

STAGE = {
    "cmd": ["python -m stages.ensemble both", "python -m stages.measure both"],
    "deps": [{"path": "data/é.csv", "hash": "md5", "md5": "01234567890123456789012345678901", "size": 0}],
    "params": {
        "params.yaml": OrderedDict(
            {"labels": None, "lr": 1e-05, "alpha": 0.2, "big": 1e300, "flip": True, "off": "off", "of": [], "to": {}}
        )
    },
}


def test_the_lock_has_the_same_bytes(tmp_path):
    def written(name: str) -> str:
        path = tmp_path / name / "dvc.lock"
        path.parent.mkdir()
        for number in range(3):
            with _yaml.modify_yaml(str(path)) as lock:
                lock.setdefault("schema", "2.0")
                lock.setdefault("stages", {})[f"stage{number}"] = STAGE
        return path.read_text()

    expected = written("own")
    with preloaded.quick_dvc():
        assert written("quick") == expected
        assert _yaml.load_yaml(str(tmp_path / "quick/dvc.lock"))["stages"]["stage0"] == STAGE


@pytest.mark.parametrize("file", ["dvc.yaml", "params.yaml", "dvc.lock"])
def test_the_project_s_files_are_read_alike(file):
    path = str(TOP / file)
    expected = _yaml.load_yaml(path), strictyaml.load(path)[0]
    with preloaded.quick_dvc():
        assert (_yaml.load_yaml(path), strictyaml.load(path)[0]) == expected


def test_comments_of_other_files_are_kept(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: 1  # why\n")

    with preloaded.quick_dvc(), _yaml.modify_yaml(str(path)) as values:
        values["a"] = 2

    assert path.read_text() == "a: 2  # why\n"


def test_dvc_s_functions_are_back_afterwards():
    before = _yaml.parse_yaml, _yaml._dump, strictyaml.parse_yaml
    with preloaded.quick_dvc():
        assert _yaml.parse_yaml is strictyaml.parse_yaml is not before[0]
    assert (_yaml.parse_yaml, _yaml._dump, strictyaml.parse_yaml) == before


def test_a_broken_lock_is_named_as_dvc_names_it(tmp_path):
    path = tmp_path / "dvc.lock"
    path.write_text("stages: [\n")

    with preloaded.quick_dvc(), pytest.raises(_yaml.YAMLFileCorruptedError):
        _yaml.load_yaml(str(path))
