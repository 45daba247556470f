"""Photos by their addresses: only where that is asked for, and within limits. The server is on the loopback."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from fer import Predictor
from fer.errors import FerError
from fer.inference import url
from tests.data.small_faces import png
from tests.inference.conftest import fer


def picture():
    return png(np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8))


class Site(BaseHTTPRequestHandler):
    """Photos, and what can be wrong with an address."""

    protocol_version = "HTTP/1.0"  # a body may end without its length being known

    def do_GET(self):
        self.server.asked.append(self.path)
        path = self.path.partition("?")[0]
        targets = {"/moved": "/face.png", "/file": "file:///etc/passwd", "/ftp": "ftp://localhost/x", "/loop": "/loop"}
        if path in targets:
            self.send_response(302)
            self.send_header("Location", targets[path])
            self.end_headers()
        elif path in ("/face.png", "/video.mp4", "/large", "/slow"):
            self.send_response(200)
            self.end_headers()
            getattr(self, path[1:].partition(".")[0])()
        else:
            self.send_error(404)

    def face(self):
        self.wfile.write(picture())

    def video(self):
        self.wfile.write(b"\x00\x00\x00\x20ftypisom" + bytes(100))

    def large(self):
        for _ in range(100):
            self.wfile.write(bytes(10_000))

    def slow(self):
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def site(home, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.asked, server.daemon_threads = [], True
    server.handle_error = lambda *_: None  # whoever is left in the middle
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_photo_is_fetched_where_that_is_asked_for(site):
    done = fer("predict", "--url", f"{site.address}/face.png?size=1", f"{site.address}/moved", "--no-detect",
               "--format", "jsonl", "--output", "out")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [
        f"{site.address}/face.png?size=1",
        f"{site.address}/moved",
    ]
    assert sorted(path.name for path in Path("out/annotated").iterdir()) == ["face.png", "moved.png"]


def test_nothing_is_fetched_unasked(site):
    done = fer("predict", f"{site.address}/face.png")
    assert done.exit_code == 1
    assert "is a web address. To download it, use fer predict --url." in done.stderr
    photo = Predictor(detect=False).predict(f"{site.address}/face.png")[0]
    assert "is a web address" in photo.problem
    assert site.asked == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone", "can't be downloaded (HTTP Error 404"),
        ("/file", "Redirection to url 'file:///etc/passwd' is not allowed"),
        ("/ftp", "redirects to ftp://localhost/x, which is not a web address"),
        ("/loop", "can't be downloaded (HTTP Error 302"),
        ("/large", "is larger than 0.2 MB"),
        ("/video.mp4", "is a video, not a photo. Use: fer video http"),
        ("/no picture", "can't be downloaded"),
    ],
)
def test_what_can_t_be_fetched_is_one_line_and_the_others_go_on(site, monkeypatch, path, reason):
    monkeypatch.setattr(url, "LARGEST", 200_000)
    done = fer("predict", "--url", site.address + path, f"{site.address}/face.png", "--no-detect", "--format", "csv")
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 2
    assert reason in done.stderr
    assert site.address + path in done.stderr.splitlines()[0]


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("http://a.org/my photo.jpg?x=a b#top", "http://a.org/my%20photo.jpg?x=a%20b"),
        ("https://a.org/caf\u00e9.jpg", "https://a.org/caf%C3%A9.jpg"),
        ("http://b\u00fccher.example:80/x.jpg", "http://xn--bcher-kva.example:80/x.jpg"),
        ("http://a.org/already%20quoted.jpg?x=%C3%A9", "http://a.org/already%20quoted.jpg?x=%C3%A9"),
    ],
)
def test_an_address_as_people_paste_it_is_quoted(address, sent):
    assert url._quoted(address) == sent


def test_a_public_site_leads_nobody_into_a_private_network(site, monkeypatch):
    monkeypatch.setattr(url, "_is_private", lambda address: address.endswith("/face.png"))
    with pytest.raises(FerError, match=r"/moved redirects to .*/face\.png, which is in a private network"):
        url.fetch(f"{site.address}/moved")


@pytest.mark.parametrize(
    ("host", "private"),
    [("127.0.0.1", True), ("[::1]", True), ("192.168.1.2", True), ("169.254.169.254", True), ("93.184.215.14", False)],
)
def test_what_lies_in_a_private_network(host, private):
    assert url._is_private(f"http://{host}:80/x.jpg") is private


@pytest.mark.parametrize("options", [[], ["--url"]])
@pytest.mark.parametrize("address", ["ftp://example.com/x.jpg", "file:///etc/passwd", "s3://bucket/x.jpg"])
def test_other_addresses_are_not_fetched(home, address, options):
    done = fer("predict", *options, address)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"{address} is not downloaded: only http and https addresses are, with fer predict --url."
    ]


def test_a_server_that_never_ends_is_left(site, monkeypatch):
    monkeypatch.setattr(url, "SECONDS", 0.5)
    with pytest.raises(FerError, match=r"/slow took longer than 0\.5 seconds\."):
        url.fetch(f"{site.address}/slow")


def test_a_host_that_is_not_there_is_named(monkeypatch):
    with pytest.raises(FerError, match=r"http://127\.0\.0\.1:9/x\.jpg can't be downloaded \(.*refused"):
        url.fetch("http://127.0.0.1:9/x.jpg")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://example.com/a/b.jpg?x=../y", "b.jpg"),
        ("https://example.com/", "example.com"),
        ("https://example.com/..%2F..%2Fetc", "etc"),
        ("https://example.com/%2E%2E", "photo"),
    ],
)
def test_a_copy_s_name_stays_in_its_folder(address, name):
    assert url.file_name(address) == name
