"""What the page answers, without a server."""

import base64
import csv
import io
import re

import numpy as np
import pytest
from PIL import Image

from fer.emotions import EMOTIONS
from fer.inference.faces import Face
from fer.web import answers, clip, markup, uploads
from fer.web.uploads import Upload
from tests.data.small_faces import png
from tests.inference import clips
from tests.web.conftest import drawn_photo, one_face


def content(html, kind):
    """The content of the first link or picture of a kind."""
    found = re.search(rf'"data:{kind}[^,"]*;base64,([^"]+)"', html)
    assert found, html[:300]
    return base64.b64decode(found[1])


def problem(html):
    """The one line of an answer that is a problem."""
    found = re.fullmatch(r'<p class="fer-problem" role="alert">([^<\n]+)</p>', html)
    assert found, html[:300]
    return found[1]


def test_a_photo_has_its_picture_a_card_a_face_and_its_table(choice):
    html = answers.photo(Upload("two.png", png(drawn_photo())), choice, ["cnn"], heat=False)
    assert Image.open(io.BytesIO(content(html, "image/jpeg"))).size == (640, 480)
    assert html.count("<li>") == 2
    for emotion in EMOTIONS:
        assert html.count(f"<dt>{emotion}</dt>") == 2
    assert html.count("<p>quality ") == 2
    rows = list(csv.DictReader(io.StringIO(content(html, "text/csv").decode())))
    assert [row["file"] for row in rows] == ["two.png"] * 2
    for row in rows:
        assert f'<dd><span class="fer-bar" style="--share: {float(row["happy"]):.3f}' in html
    assert "Answered by cnn (int8, " in html


@pytest.mark.slow
def test_a_heat_map_is_drawn_for_one_model_and_explained_away_for_two(choice):
    upload = Upload("one.png", png(drawn_photo(1)))
    plain, warm = (answers.photo(upload, choice, ["mlp"], heat) for heat in (False, True))
    plain_pixels, warm_pixels = (
        np.asarray(Image.open(io.BytesIO(content(html, "image/jpeg")))) for html in (plain, warm)
    )
    assert np.abs(plain_pixels.astype(int) - warm_pixels).max() > 60
    assert content(plain, "text/csv") == content(warm, "text/csv")
    both = answers.photo(upload, choice, ["cnn", "mlp"], heat=True)
    assert "A heat map explains one model at a time" in both
    assert "Answered by cnn" in both
    assert "Answered by mlp" in both


def test_a_name_of_no_model_is_left_out(choice):
    upload = Upload("one.png", png(drawn_photo(1)))
    assert answers.photo(upload, choice, ["/etc/passwd"], False) == answers.photo(upload, choice, choice.first, False)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "odd.jpg is no readable image. Replace or remove it and run again."),
        (b"\xff\xd8\xff" + bytes(1000), "odd.jpg is no readable image. Replace or remove it and run again."),
        (png(drawn_photo())[:900], "odd.jpg is no readable image. Replace or remove it and run again."),
        (bytes(4) + b"ftypisom" + bytes(90), "odd.jpg is a video, not a photo. Drop it in the Clip tab."),
        (png(np.zeros((5000, 5000), np.uint8)), "odd.jpg has 5,000 x 5,000 pixels; at most 20 megapixels are read. "),
        (png(np.zeros((90, 90), np.uint8)), "odd.jpg: no face of 24 pixels or more was found"),
    ],
)
def test_a_hostile_photo_is_one_line(choice, data, line):
    assert problem(answers.photo(Upload("odd.jpg", data), choice, [], False)).startswith(line)


def test_a_hostile_name_is_text(choice):
    name = uploads.name_of({"orig_name": "../<script>alert(1)</script>\x1b.png"}, "")
    html = answers.photo(Upload(name, b""), choice, [], False)
    assert "<script" not in html
    assert "\x1b" not in html
    assert "script&gt;\\x1b.png is no readable image" in html


def test_an_unforeseen_error_is_one_line(choice, monkeypatch):
    def fail(*_, **__):
        raise ValueError("odd\nthing")

    monkeypatch.setattr("fer.web.answers.draw.annotated", fail)
    html = answers.photo(Upload("one.png", png(drawn_photo(1))), choice, [], False)
    assert problem(html) == "This can&#x27;t be processed (odd thing)."


def test_a_camera_s_faces_keep_their_numbers(choice, tmp_path):
    camera = answers.Camera()
    for frame in one_face(3):
        sent = {"path": None, "url": f"data:image/png;base64,{base64.b64encode(png(frame)).decode()}"}
        html = answers.live(sent, tmp_path, choice, [], camera)
        assert "<span>1</span>" in html
    sent = {"url": "data:image/png;base64,%%%"}
    assert problem(answers.live(sent, tmp_path, choice, [], camera)) == (
        "The camera&#x27;s picture arrived damaged. Send it again."
    )


def test_a_crowd_has_few_cards():
    faces = [Face((0, 0, 9, 9), 1.0, np.full(7, 1 / 7, np.float32))] * 40
    html = markup.cards(faces)
    assert html.count("<li>") == markup.MOST_CARDS
    assert "28 more in the table." in html


def test_only_a_file_that_was_sent_is_read(tmp_path):
    inside, outside = tmp_path / "sent", tmp_path / "secret.png"
    inside.mkdir()
    outside.write_bytes(b"secret")
    (inside / "link.png").symlink_to(outside)
    for path in (outside, inside / "../secret.png", inside / "link.png", inside, inside / "gone.png", ""):
        with pytest.raises(uploads.FerError, match=r"^The file is no longer available\. Choose it again\.$"):
            uploads.read({"path": str(path)}, inside, "The photo")


@pytest.mark.slow
def test_a_clip_is_answered_with_a_video_a_line_a_person_and_a_table(choice, tmp_path):
    pytest.importorskip("av")
    clips.write(tmp_path / "sent.mp4", one_face(12))
    *news, html = clip.answer({"path": str(tmp_path / "sent.mp4"), "orig_name": "my.mp4"}, tmp_path, choice, [], 30)
    assert news[0] == "<p>my.mp4: waiting to start.</p>"
    assert "12 faces in 12 frames, identities: 1" in html
    assert "first 30 seconds" not in html
    assert content(html, "video/mp4")[4:8] == b"ftyp"
    assert len(content(html, "text/csv").splitlines()) == 13
    assert [path.name for path in tmp_path.iterdir()] == ["sent.mp4"]


@pytest.mark.slow
def test_a_long_clip_is_read_as_far_as_allowed(choice, tmp_path):
    pytest.importorskip("av")
    clips.write(tmp_path / "long.mp4", one_face(40))
    *_, html = clip.answer({"path": str(tmp_path / "long.mp4")}, tmp_path, choice, [], 0.4)
    assert "10 faces in 10 frames" in html
    assert "Only the first 0.4 seconds were processed." in html


@pytest.mark.parametrize(
    "data", [b"", b"no video", png(np.zeros((9, 9), np.uint8)), bytes(4) + b"ftypisom" + bytes(90)]
)
def test_a_hostile_clip_is_one_line_without_the_server_s_paths(choice, tmp_path, data):
    pytest.importorskip("av")
    (tmp_path / "odd.mp4").write_bytes(data)
    *_, html = clip.answer({"path": str(tmp_path / "odd.mp4"), "orig_name": "odd.mp4"}, tmp_path, choice, [], 30)
    assert problem(html).startswith("odd.mp4 ")
    assert str(tmp_path) not in html
    assert [path.name for path in tmp_path.iterdir()] == ["odd.mp4"]
