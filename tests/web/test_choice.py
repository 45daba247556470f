"""The models to choose from."""

import shutil

from fer.inference import registry
from fer.web.choice import Choice


def test_files_of_one_name_are_both_there(tmp_path):
    tiny = registry.packaged() / "tiny.onnx"
    files = [tmp_path / folder / "tiny.onnx" for folder in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        shutil.copy(tiny, file)
    choice = Choice({"models": ("tiny", *map(str, files)), "models_folder": None})
    assert choice.first == ["tiny", "tiny (2)", "tiny (3)"]
    assert len(choice.predictor(choice.first).networks) == 3
