"""The Python in docs/using.md runs as it stands there."""

import re
import shutil

import pytest

from tests.known_params import TOP

SNIPPETS = re.findall(r"^```python\n(.+?)^```$", (TOP / "docs/using.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet(number, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("party.jpg", "portrait.png", "docs/images/astronaut.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / "docs/images/astronaut.jpg", name)
    (tmp_path / "fer").symlink_to(TOP / "fer")

    exec(SNIPPETS[number], {})

    assert "happy" in capsys.readouterr().out


def test_there_are_snippets():
    assert sum("from fer import" in snippet for snippet in SNIPPETS) >= 1
    assert any("onnxruntime.InferenceSession" in snippet for snippet in SNIPPETS)
