"""What the page's server lets through, without a server."""

import asyncio

import pytest

from fer.web.guard import POLICY, Guard

OWN = "127.0.0.1:7860"


def asked(path, *, method="GET", host=OWN, hosts=("127.0.0.1", "localhost"), **headers):
    """The status of the answer and its headers; 200 comes from the application."""
    sent = []

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"unsafe-url")]})

    async def send(message):
        sent.append(message)

    pairs = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    encoded = [(name.encode(), value.encode()) for name, value in pairs.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": encoded}
    asyncio.run(Guard(application, hosts, 1000, "/temporary")(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"])


def test_the_page_s_own_requests_pass_and_the_browser_is_told_to_connect_to_nobody_else():
    for path in ("/", "/assets/index.js", "/gradio_api/queue/data", "/gradio_api/file=/temporary/ab/photo.png"):
        status, headers = asked(path, origin=f"http://{OWN}")
        assert status == 200
        assert headers[b"content-security-policy"] == POLICY.encode()
        assert headers[b"referrer-policy"] == b"no-referrer"
    assert "http:" not in POLICY
    assert "*" not in POLICY
    assert asked("/")[1][b"cache-control"] == b"no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=https://example.org/",
        "/gradio_api/file=https://example.org/",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/process_recording",
        "/gradio_api/vibe-edit",
        "/gradio_api/component_server",
        "/gradio_api/call/answer",
        "/gradio_api/runs",
        "/monitoring",
        "/docs",
        "/openapi.json",
    ],
)
def test_what_the_page_does_not_need_is_not_there(path):
    assert asked(path)[0] == 404


def test_a_foreign_name_and_another_page_are_refused():
    assert asked("/", host="evil.example:7860")[0] == 421
    assert asked("/", host="localhost:7860")[0] == 200
    assert asked("/", host="evil.example:7860", hosts=())[0] == 200  # opened to others by --host
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9999"):
        assert asked("/gradio_api/upload", method="POST", origin=origin, content_length="9")[0] == 403


def test_a_request_of_unknown_or_large_size_is_refused():
    for headers, status in (({}, 411), ({"content_length": "-1"}, 411), ({"content_length": "200000"}, 413)):
        assert asked("/gradio_api/queue/join", method="POST", **headers)[0] == status
    assert asked("/gradio_api/queue/join", method="POST", content_length="900")[0] == 200
