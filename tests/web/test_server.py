"""`fer web` as programs see it: who can reach it, what it takes, what it contacts. It runs in a process of its own."""

import json
import re
import time
import urllib.error
import urllib.request
import uuid
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from fer import cli
from fer.errors import install
from fer.web import page as pages, server
from tests.data.small_faces import png
from tests.web.conftest import drawn_photo

pytestmark = pytest.mark.slow  # each waits for a server


def get(address, **headers):
    """The status, headers and text of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def post(address, body, kind="application/json"):
    """The status and the text of an answer."""
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def upload(served, name, data):
    """Upload a file, as the page does."""
    head = f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + b"\r\n--edge--\r\n"
    return post(f"{served.address}/gradio_api/upload", body, "multipart/form-data; boundary=edge")


def ask(served, file):
    """What the page would show for a photo, or the error that the server reports."""
    config = json.loads(get(f"{served.address}/config")[2])
    field = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "photo")
    function = next(call["id"] for call in config["dependencies"] if [field, "input"] in call["targets"])
    visit = uuid.uuid4().hex
    message = {"data": [file, ["cnn"], False], "fn_index": function, "session_hash": visit, "trigger_id": field}
    status, text = post(f"{served.address}/gradio_api/queue/join", json.dumps(message).encode())
    assert status == 200, text
    events = get(f"{served.address}/gradio_api/queue/data?session_hash={visit}")[2]
    done = next(event for event in map(json.loads, re.findall(r"^data: (.+)$", events, re.MULTILINE))
                if event["msg"] == "process_completed")  # fmt: skip
    output = done["output"]
    return output["data"][2] if done["success"] else str(output)


def sent(path, name="photo.png"):
    """A file as the page names it to the server."""
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def test_it_says_where_it_is_and_who_can_reach_it(served):
    assert "\nOnly programs on this machine" in served.said
    status, headers, text = get(served.address)
    assert status == 200
    assert "connect-src 'self'" in headers["content-security-policy"]
    loaded = re.findall(r"""<(?:script|link|img)\b[^>]*\b(?:src|href)=["']([^"']+)""", text)
    assert loaded
    assert not [address for address in loaded if "//" in address]
    styles = text + get(f"{served.address}/theme.css")[2]
    assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)'\"]+", styles)
    config = json.loads(get(f"{served.address}/config")[2])
    assert config["analytics_enabled"] is False


def test_a_photo_is_answered_and_nobody_is_contacted(served):
    status, text = upload(served, "photo.png", png(drawn_photo()))
    assert status == 200
    html = ask(served, sent(json.loads(text)[0]))
    assert html.count("<li>") == 2
    assert "photo.png" not in html  # in the table only
    assert served.contacted, "nothing is watched"
    assert served.foreign == []


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(served):
    before = served.files()
    status, text = upload(served, "large.png", bytes(1_000_001))
    assert (status, text) == (413, "File size exceeded maximum allowed size of 1000000 bytes.")
    assert set(served.files()) <= set(before)


def test_no_other_file_and_no_address_is_read(served):
    contacted = served.contacted
    for path in ("/etc/hostname", __file__, "http://127.0.0.1:9/photo.png", "https://example.org/photo.png"):
        html = ask(served, sent(path))
        assert "<li>" not in html
        assert "data:image" not in html
    assert served.contacted == contacted
    assert get(f"{served.address}/", Host="evil.example")[0] == 421
    assert not [path for path in served.files() if path.name in ("hostname", "test_server.py")]


def test_a_reverse_proxy_passes_its_own_name_on(served):
    public = {"Host": "faces.example.org", "Origin": "https://faces.example.org", "X-Forwarded-Proto": "https"}
    status, _, text = get(f"{served.address}/config", **public)
    assert (status, json.loads(text)["root"]) == (200, "https://faces.example.org")
    assert "such as a reverse proxy for faces.example.org can reach it" in served.said


@pytest.mark.parametrize("name", ["https://faces.example.org", "faces.example.org:443", "a/b", ""])
def test_a_name_of_the_page_is_a_host_name(name):
    done = CliRunner().invoke(cli.main, ["web", "--allow-host", name])
    assert done.exit_code == 2
    assert "without scheme and port" in done.output


def test_it_says_that_only_this_machine_can_reach_it():
    from fer.cli.web import _said

    assert list(_said("127.0.0.1", 80, True))[1] == "Only programs on this machine can reach it."


def test_an_upload_is_deleted_soon(served):
    status, _ = upload(served, "soon.png", png(drawn_photo()))
    assert status == 200
    assert [path.name for path in served.files()].count("soon.png") == 1
    end = time.monotonic() + 120
    while any(path.name == "soon.png" for path in served.files()):
        assert time.monotonic() < end
        time.sleep(1)


def test_a_visitor_who_leaves_is_forgotten(choice, tmp_path):
    routes = pytest.importorskip("gradio.routes")
    page = pages.build(choice, tmp_path, 30)
    routes.App.create_app(page)
    visits = page.state_holder
    assert [visits[name] for name in ("one", "two")]
    leave = next(call for call in page.fns.values() if any(event == "unload" for _, event in call.targets))
    leave.fn(SimpleNamespace(session_hash="one"))
    assert ("one" in visits, "two" in visits) == (False, True)


def test_it_needs_gradio(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = CliRunner().invoke(cli.main, ["web"])
    assert done.exit_code == 1
    assert done.output == f"Error: The page needs Gradio, which is not installed: {install('web')}.\n"


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.5", False), ("desk.example", False), ("", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_can_reach(host, local):
    assert server.is_local(host) is local


@pytest.mark.parametrize(
    ("host", "who"), [("0.0.0.0", "this machine over a network"), ("192.168.1.5", "192.168.1.5 port 80")]
)
def test_it_says_who_else_can_reach_it(host, who):
    from fer.cli.web import _said

    lines = list(_said(host, 80, server.is_local(host)))
    assert lines[0].startswith(f"Open http://{'localhost' if host == '0.0.0.0' else host}:80 in a browser.")
    assert lines[1].startswith(f"Anybody who can reach {who} can use the page and send pictures to it: there is no ")


def test_a_port_that_is_taken_is_one_line():
    with server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(server.FerError, match=rf"^Can't listen on 127\.0\.0\.1, port {port} \(Address .*--port"):
            server.listen("127.0.0.1", port)
    with pytest.raises(server.FerError, match=r"^Can't listen on 203\.0\.113\.1, port 1 \("):
        server.listen("203.0.113.1", 1)


def test_the_other_commands_start_without_it(monkeypatch):
    import sys

    for name in ("gradio", "uvicorn", "fastapi"):
        monkeypatch.setitem(sys.modules, name, None)
    assert CliRunner().invoke(cli.main, ["web", "--help"]).exit_code == 0
