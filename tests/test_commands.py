import pytest

from fer import commands
from fer.errors import FerError


def test_a_process_is_an_orphan_once_another_is_its_parent_unless_it_records_its_own_results(monkeypatch):
    started_by = object()
    monkeypatch.setattr(commands, "_started_by", started_by)
    monkeypatch.setattr(commands, "_parent", lambda: started_by)
    assert not commands.is_orphan()
    monkeypatch.setattr(commands, "_parent", lambda: None)
    assert commands.is_orphan()
    commands.records_itself()
    assert not commands.is_orphan()


def test_a_reader_that_has_seen_enough_is_no_failure():
    with pytest.raises(BrokenPipeError), commands.explain_failures():
        raise BrokenPipeError
    with pytest.raises(FerError, match="Put it right"), commands.explain_failures():
        raise OSError(5, "Input/output error")
