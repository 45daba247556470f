"""The page in headless Chromium: photos, a fake camera, a clip, two visitors, a phone, the keyboard, a dark room."""

import csv
import shutil

import pytest

from tests.data.small_faces import png
from tests.inference import clips
from tests.web.conftest import drawn_photo, one_face

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.slow
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 60_000  # milliseconds: other tests may run beside this one
CARDS = ".fer-faces li"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, whose camera shows a drawn face that moves."""
    av = pytest.importorskip("av")
    film = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    with av.open(str(film), "w", format="mjpeg") as output:
        stream = output.add_stream("mjpeg", rate=15)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuvj420p"
        for picture in one_face(30):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")))
        output.mux(stream.encode(None))
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    camera += [f"--use-file-for-fake-video-capture={film}", "--no-sandbox"]
    with playwright.sync_playwright() as started:
        try:
            opened = started.chromium.launch(executable_path=CHROMIUM, args=camera)
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, served):
    """Opens the page as another visitor; nobody's browser asks for anything elsewhere."""
    asked, contexts = [], []

    def opened(width=1400, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(served.address)
        page.get_by_label("Heat map").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert asked
    assert not [address for address in asked if not address.startswith((served.address, "data:", "blob:"))]


def send(page, name="two.png", data=None, field="photo"):
    """Choose a file in a field."""
    kind = "video/mp4" if field == "clip" else "image/png"
    content = png(drawn_photo()) if data is None else data
    file = {"name": name, "mimeType": kind, "buffer": content}
    page.set_input_files(f"#{field} input[type=file]", file)


def test_a_photo_other_models_and_the_heat_map(visit):
    page = visit()
    assert page.get_by_text("not what the person feels").count() == 1
    send(page)
    page.locator(CARDS).nth(1).wait_for()
    with page.expect_download() as table:
        page.get_by_text("Download the table (CSV)").click()
    assert table.value.suggested_filename == "faces.csv"
    with open(table.value.path(), newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["two.png", "two.png"]
    before = page.locator(".fer-answer img").get_attribute("src")
    page.get_by_label("mlp").check()
    page.get_by_text("Answered by mlp").wait_for()
    assert page.get_by_text("Answered by efficientnetv2").count() == 1
    page.get_by_label("efficientnetv2").uncheck()
    page.get_by_text("Answered by efficientnetv2").wait_for(state="detached")
    plain = page.locator(".fer-answer img").get_attribute("src")
    page.get_by_label("Heat map").check()
    changed = "old => document.querySelector('.fer-answer img')?.src !== old"
    page.wait_for_function(changed, arg=plain)
    assert plain != before


def test_a_hostile_file_is_one_line_and_the_page_goes_on(visit):
    page = visit()
    send(page, "odd.png", b"\x89PNG\r\n" + bytes(500))
    page.get_by_role("alert").filter(has_text="odd.png is no readable image.").wait_for()
    assert page.locator(CARDS).count() == 0
    send(page, "large.png", bytes(1_100_000))
    page.get_by_text("exceed the maximum allowed size").first.wait_for()
    send(page)
    page.locator(CARDS).nth(1).wait_for()
    assert page.locator(".fer-problem").count() == 0


def test_the_camera_live_and_a_photo_from_it(visit):
    page = visit()
    page.locator("#photo").get_by_label("Capture from camera").click()
    page.locator("#photo").get_by_text("Click to Access Webcam").click()
    page.locator("#photo").get_by_label("capture photo").click()
    page.locator(CARDS).first.wait_for()
    page.get_by_role("tab", name="Live").click()
    page.locator("#camera").get_by_text("Click to Access Webcam").click()
    page.locator("#camera").get_by_label("capture photo").click()
    live = page.get_by_role("tabpanel").locator("visible=true").locator(CARDS)
    live.first.wait_for()
    picture = page.locator(".fer-answer img:visible")
    first = picture.get_attribute("src")
    page.wait_for_function(
        "old => ![...document.querySelectorAll('.fer-answer img')].some(x => x.src === old)", arg=first
    )
    assert int(live.first.locator("h3 span").inner_text()) >= 1  # more where frames come seconds apart
    page.locator("#camera").get_by_label("capture photo").click()


def test_a_clip(visit, tmp_path):
    page = visit()
    page.get_by_role("tab", name="Clip").click()
    clips.write(tmp_path / "clip.mp4", one_face(20))
    send(page, "clip.mp4", (tmp_path / "clip.mp4").read_bytes(), "clip")
    page.get_by_text("20 faces in 20 frames, identities: 1").wait_for()
    player = page.locator(".fer-answer video")
    assert player.evaluate(
        "video => new Promise(done => { video.onended = () => done(video.videoWidth); video.play() })"
    )
    send(page, "odd.mp4", b"no video", "clip")
    page.get_by_role("alert").filter(has_text="odd.mp4 ").wait_for()


def test_two_visitors_at_once(visit):
    first, second = visit(), visit()
    send(first, "same.png")
    send(second, "same.png", png(drawn_photo(1)))
    first.locator(CARDS).nth(1).wait_for()
    second.locator(CARDS).first.wait_for()
    assert (first.locator(CARDS).count(), second.locator(CARDS).count()) == (2, 1)
    first.context.close()
    second.get_by_label("mlp").check()
    second.get_by_text("Answered by mlp").wait_for()
    assert second.locator(CARDS).count() == 1


def go_to(page, wanted):
    """Press Tab until an expression in JavaScript holds."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate(f"!!({wanted})"):
            return
    pytest.fail(f"no focus for which {wanted}")


def test_a_phone_in_a_dark_room_by_keyboard(visit):
    page = visit(400, color_scheme="dark")
    page.bring_to_front()  # keys and file choosers are the front window's
    go_to(page, "document.activeElement.closest('#photo')")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "two.png", "mimeType": "image/png", "buffer": png(drawn_photo())})
    page.locator(CARDS).nth(1).wait_for()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
    colours = "part => getComputedStyle(document.querySelector(part)).backgroundColor.match(/\\d+/g).map(Number)"
    for part in ("body", CARDS):
        assert max(page.evaluate(colours, part)[:3]) < 60
    go_to(page, "document.activeElement.matches('.fer-download')")
    with page.expect_download():
        page.keyboard.press("Enter")
