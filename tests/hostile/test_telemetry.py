"""Nothing leaves the machine: our commands look up no name and open no connection to another one."""

import configparser
import socket

import pytest

from tests.known_params import TOP


@pytest.fixture
def lookups(monkeypatch):
    """Every name that is looked up; none is found."""
    names = []

    def refuse(host, *_, **__):
        names.append(host)
        raise socket.gaierror(f"no network in this test: {host}")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return names


@pytest.mark.slow
def test_stages_look_up_no_name(change, stage, lookups):
    change({"data": {"dataset": "drawn", "drawn_faces": 140}})
    for name, *arguments in (("download",), ("split",), ("weights", "cnn")):
        assert stage(name, *arguments).exit_code == 0
    change({"cnn": {"head": {"epochs": 1}, "optim": {"batch_size": 32}}})
    assert stage("train", "cnn", "--phase", "head").exit_code == 0
    assert lookups == []


def test_dvc_reports_nothing_and_looks_for_no_new_release():
    settings = configparser.ConfigParser()
    settings.read_string((TOP / ".dvc/config").read_text().replace("    ", ""))
    assert settings["core"]["analytics"] == settings["core"]["check_update"] == "false"
