"""Paths as users write them."""

from pathlib import Path

import pytest

from fer.data import files
from fer.errors import FerError


def test_a_tilde_is_the_home_folder_unless_a_file_has_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert files.expanded("~/x.jpg") == tmp_path / "home/x.jpg"
    with pytest.raises(FerError, match="there is no such user"):
        files.expanded("~nobody-of-this-name.jpg")
    Path("~nobody-of-this-name.jpg").touch()
    assert files.expanded("~nobody-of-this-name.jpg") == Path("~nobody-of-this-name.jpg")
