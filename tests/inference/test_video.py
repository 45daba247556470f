"""`fer video`: identities, rows and an annotated copy of videos that are drawn for it; and all that can go wrong."""

import csv
import json
import resource
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.errors import FerError, install
from fer.inference.video import Camera, Video
from fer.inference.video_results import VideoResults
from fer.inference.video_writer import VideoWriter
from fer.stopping import Stopped
from tests.inference.clips import LEFT_TO_RIGHT, RATE, SIZE, pictures, straight, write
from tests.inference.conftest import fer

OUT = Path("out")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Videos of one face that moves."""
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("clips")
    write(folder / "one.mp4", pictures(20, LEFT_TO_RIGHT), sound="aac", options={"movflags": "faststart"})
    write(folder / "pcm.mkv", pictures(20, LEFT_TO_RIGHT), sound="pcm_s16le")
    return folder


@pytest.fixture
def clip(clips, home):
    shutil.copy(clips / "one.mp4", "clip.mp4")
    return Path("clip.mp4")


def rows(folder=OUT):
    with (folder / "faces.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def frames(folder=OUT):
    return [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]


def copy(folder=OUT):
    """The frames of the annotated copy that can be played, and how many packets of sound it has."""
    import av

    read = list(Video(str(folder / "annotated.mp4")).decode(1))
    with av.open(str(folder / "annotated.mp4")) as file:
        assert file.streams.video[0].codec_context.name == "h264"
        sound = [packet for packet in file.demux(audio=0) if packet.size] if file.streams.audio else []
    return read, len(sound)


@pytest.mark.slow
def test_two_faces_that_cross_keep_their_identities(home):
    pytest.importorskip("av")
    ways = straight(0, 10, 7), straight(215, 130, -7)
    write("two.mp4", pictures(31, *ways), sound="aac")
    done = fer("video", "two.mp4", "--output", OUT)
    assert done.exit_code == 0, done.output
    assert "two.mp4: 62 faces in 31 frames, identities: 2 (" in done.stderr
    assert "Saved in out: faces.csv, frames.jsonl, annotated.mp4 and timelines/" in done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["face", "1"], ["face", "2"]]
    first = {row["identity"]: float(row["top"]) for row in rows()[:2]}
    upper = min(first, key=first.__getitem__)
    for row in rows():  # the faces change sides, not rows
        assert (float(row["top"]) < 100) == (row["identity"] == upper)
    assert [frame["frame"] for frame in frames()] == list(range(31))
    assert all(len(frame["faces"]) == 2 for frame in frames())
    read, sound = copy()
    assert len(read) == 31
    assert read[0].rgb.shape == (480, 640, 3)  # enlarged until the text can be read
    assert sound > 40  # 1.24 seconds of 1,024 samples each
    assert sorted(path.name for path in (OUT / "timelines").iterdir()) == ["identity-1.png", "identity-2.png"]


@pytest.mark.slow
def test_a_real_face_is_one_identity(photo):
    pytest.importorskip("av")
    still = np.asarray(Image.open(photo).convert("RGB"))[: SIZE[1]]
    write("still.mp4", (np.roll(still, 4 * number, axis=1) for number in range(12)))
    done = fer("video", "still.mp4", "--format", "csv")
    assert done.exit_code == 0
    found = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["identity"] for row in found] == ["1"] * 12
    np.testing.assert_allclose(np.diff([float(row["left"]) for row in found]).mean(), 4, atol=0.5)


def test_rows_are_printed_as_they_come(clip):
    table = fer("video", clip, "--every", "3", "--smooth", "off", "--format", "csv")
    assert table.exit_code == 0
    found = list(csv.DictReader(table.stdout.splitlines()))
    assert [int(row["frame"]) for row in found] == list(range(0, 20, 3))
    assert [float(row["time"]) for row in found] == [number / RATE for number in range(0, 20, 3)]
    assert all(row["angry"] == row["smoothed_angry"] for row in found)
    lines = fer("video", clip, "--every", "3", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(0, 20, 3))


def test_smoothed_probabilities_move_less(clip):
    done = fer("video", clip, "--format", "csv", "--smooth", "1")
    found = list(csv.DictReader(done.stdout.splitlines()))
    raw, smoothed = ([float(row[name]) for row in found] for name in ("happy", "smoothed_happy"))
    assert np.abs(np.diff(smoothed)).sum() < np.abs(np.diff(raw)).sum() / 2


@pytest.mark.slow
def test_every_frame_keeps_its_time_in_the_copy(home):
    pytest.importorskip("av")
    times = [0, 40, 80, 500, 540, 1300, 1310, 2000]
    write("uneven.mp4", pictures(len(times), LEFT_TO_RIGHT), times=times)
    assert fer("video", "uneven.mp4", "--output", OUT).exit_code == 0
    assert [frame["time"] for frame in frames()] == [ticks / 1000 for ticks in times]
    np.testing.assert_allclose([frame.time for frame in copy()[0]], np.array(times) / 1000, atol=0.001)


def stamps(path):
    """Of a file's first picture and first sound, in seconds of its own clock."""
    import av

    with av.open(str(path)) as file:
        picture = next(iter(file.decode(video=0))).time
    with av.open(str(path)) as file:
        return picture, next(iter(file.decode(audio=0))).time


@pytest.mark.slow
def test_pictures_and_sound_of_the_copy_begin_together(clip):
    assert fer("video", clip, "--output", OUT).exit_code == 0
    np.testing.assert_allclose(stamps(OUT / "annotated.mp4"), stamps(clip), atol=0.03)


def heard(path):
    """From when to when a file's sound is loud, in seconds."""
    import av

    spans = []
    with av.open(str(path)) as file:
        for sound in file.decode(audio=0):
            values = sound.to_ndarray().reshape(-1).astype(float)
            if np.abs(values).max() > (1000 if "s16" in sound.format.name else 0.03):
                end = sound.time + sound.samples / sound.rate
                if spans and sound.time - spans[-1][1] < 0.05:
                    spans[-1][1] = end
                else:
                    spans.append([sound.time, end])
    return np.array(spans)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["aac", "ac3", "pcm_s16le"])  # the last one is encoded anew
def test_sound_that_begins_late_or_pauses_is_heard_at_its_time(home, encoder):
    pytest.importorskip("av")
    write("late.mkv", pictures(60, LEFT_TO_RIGHT), sound=encoder, heard=lambda number: 10 <= number < 25 or number > 40)
    assert fer("video", "late.mkv", "--output", OUT).exit_code == 0
    expected = heard("late.mkv")
    assert expected.shape == (2, 2)
    assert expected[0, 0] > 0.3
    np.testing.assert_allclose(heard(OUT / "annotated.mp4"), expected, atol=0.05)


@pytest.mark.slow
def test_a_sound_without_content_is_left_out(home):
    pytest.importorskip("av")
    write("silent.mkv", pictures(10, LEFT_TO_RIGHT), sound="ac3", heard=lambda number: False)
    assert fer("video", "silent.mkv", "--output", OUT).exit_code == 0
    read, sound = copy()
    assert (len(read), sound) == (10, 0)


@pytest.mark.slow
def test_recordings_that_were_joined_are_copied(clips, home):
    import av

    with av.open(str(clips / "one.mp4")) as source, av.open("one.ts", "w") as output:
        streams = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    Path("two.ts").write_bytes(2 * Path("one.ts").read_bytes())
    done = fer("video", "two.ts", "--output", OUT)
    assert "Traceback" not in done.output
    assert (OUT / "annotated.mp4").exists()
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_what_the_encoder_refuses_is_one_line(tmp_path):
    pytest.importorskip("av")
    writer = VideoWriter(tmp_path / "wide.mp4", 25)
    with pytest.raises(FerError, match="The annotated copy can't be written"):
        writer.add(Image.new("RGB", (17_000, 16)), 0.0)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_upright(home, degrees):
    pytest.importorskip("av")
    upright = next(iter(pictures(1, straight(20, 20, 0))))
    # A camera that is held turned writes turned pictures, and how to turn them back, anticlockwise.
    write("turned.mp4", [np.ascontiguousarray(np.rot90(upright, -degrees // 90))], rotation=degrees)
    [frame] = Video("turned.mp4").frames()
    assert frame.rgb.shape == (SIZE[1], SIZE[0], 3)
    assert np.abs(frame.rgb.astype(int) - upright).mean() < 3


@pytest.mark.slow
def test_sound_that_an_mp4_file_can_not_hold_is_encoded_anew(clips, home):
    assert fer("video", clips / "pcm.mkv", "--output", OUT).exit_code == 0
    assert copy()[1] > 25


@pytest.mark.slow
def test_the_folder_of_results_is_treated_as_that_of_photos(clip):
    OUT.mkdir()
    (OUT / "annotated.mp4").write_bytes(b"mine")
    done = fer("video", clip, "--output", OUT)
    assert done.exit_code == 1
    assert "out/annotated.mp4 exists, and fer did not make it." in done.stderr
    assert fer("video", clip, "--output", OUT, "--overwrite").exit_code == 0
    assert len(copy()[0]) == 20


def damaged(path, numbers):
    """Put noise in place of some frames of a video."""
    import av

    data = bytearray(path.read_bytes())
    with av.open(str(path)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
        for number in numbers:
            begin, size = packets[number].pos, packets[number].size
            data[begin : begin + size] = np.random.default_rng(number).integers(0, 256, size, np.uint8).tobytes()
    path.write_bytes(data)


@pytest.mark.slow
def test_broken_frames_are_left_out(clip):
    damaged(clip, (7, 8, 12))
    done = fer("video", clip, "--output", OUT)
    assert done.exit_code == 1
    assert "clip.mp4: frames skipped because they can't be decoded: 3." in done.stderr
    assert len(copy()[0]) == len(frames()) == 17


def test_what_comes_before_the_end_of_a_truncated_file_is_read(home):
    pytest.importorskip("av")
    for name in ("cut.mp4", "cut.mkv"):
        write(name, pictures(60, LEFT_TO_RIGHT), options={"movflags": "faststart"} if name == "cut.mp4" else {})
        data = Path(name).read_bytes()
        Path(name).write_bytes(data[: len(data) * 3 // 10])
        done = fer("video", name, "--every", "5")
        assert done.exit_code == 1
        assert f"{name} ends early (" in done.stderr
        assert " s are missing). The frames before that were read." in done.stderr
        assert done.stdout.startswith("face 1 ")


def without_pictures(path):
    import av

    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        frame.sample_rate = 44_100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def without_frames(path):
    import av

    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        output.start_encoding()


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"


def test_a_playlist_opens_no_other_file(clips, home):
    import av

    with av.open(str(clips / "one.mp4")) as source, av.open("other.ts", "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    assert len(list(Video("other.ts").frames())) == 20
    Path("list.mp4").write_text(PLAYLIST.replace("http://127.0.0.1:9/a.ts", str(Path("other.ts").absolute())))
    with pytest.raises(FerError, match="is not a readable video"):
        Video("list.mp4")


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("missing.mp4", None, "missing.mp4 can't be read (No such file or directory)."),
        ("folder.mp4", Path.mkdir, "folder.mp4 is a folder. Name a video file in it."),
        ("text.mp4", lambda path: path.write_text("hello"), "text.mp4 is not a readable video, or its end"),
        ("empty.mp4", Path.touch, "empty.mp4 is not a readable video, or its end is missing."),
        ("list.mp4", lambda path: path.write_text(PLAYLIST), "list.mp4 is not a readable video"),
        ("sound.mp4", without_pictures, "sound.mp4 contains no video, only audio."),
        ("none.mp4", without_frames, "none.mp4 contains no video."),
        ("photo.jpg", "photo", "photo.jpg is a picture, not a video. Use: fer predict photo.jpg"),
        ("rtsp://127.0.0.1:9/x", None, "rtsp://127.0.0.1:9/x can't be read as a video (Connection refused)."),
        ("99", None, "There is no camera 99, or another program uses it."),
    ],
)
def test_what_can_not_be_read_is_one_line(home, photo, name, make, message):
    pytest.importorskip("av")
    if callable(make):
        make(Path(name))
    done = fer("video", name, "--output", OUT)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {message}")
    assert done.stderr.count("\n") == 1
    assert not OUT.exists()


def test_frames_can_be_too_large(clip):
    done = fer("video", clip, "--max-megapixels", "0.05")
    assert done.exit_code == 1
    assert (
        "clip.mp4 has frames of 320 x 240 pixels; at most 0.05 megapixels are read (--max-megapixels)." in done.stderr
    )


def test_the_shape_of_the_pixels_counts_too(clip, monkeypatch):
    monkeypatch.setattr(Video, "_width", staticmethod(lambda stream, width=None: 200 * stream.width))
    with pytest.raises(FerError, match="has frames of 64,000 x 240 pixels; at most 1 megapixels"):
        Video(str(clip), 1.0)
    assert Video(str(clip), 100.0).ahead == 2


def test_a_rate_that_can_not_be_is_not_believed(home):
    pytest.importorskip("av")
    write("fast.mp4", pictures(5, LEFT_TO_RIGHT), rate=1000)
    assert Video("fast.mp4").rate == 30


def test_pyav_may_be_missing(photo, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    done = fer("video", photo)
    assert done.exit_code == 1
    assert done.stderr == f"Error: Video needs PyAV, which is not installed: {install('video')}.\n"


@pytest.mark.parametrize(
    "start", [b"\0\0\0\x20ftypisom", b"\x1a\x45\xdf\xa3" + bytes(8), b"RIFF\0\0\0\0AVI ", b"\0\0\0\x08mdat\0\0\0\0"]
)
def test_predict_names_a_video(photo, start):
    Path("clip").write_bytes(start + bytes(100))
    done = fer("predict", "clip", photo)
    assert done.exit_code == 1
    assert "clip is a video, not a photo. Use: fer video clip\n" in done.stderr
    assert done.stdout.startswith("photo.jpg\n")
    done = fer("predict", "-", input=start + bytes(100))
    assert done.stderr == "standard input is a video, not a photo. Use: fer video FILE\n"


def after(count, error, monkeypatch):
    """Let an error happen after some frames."""
    add = VideoResults.add

    def fail(self, photo, faces):
        if photo.number == count:
            raise error
        add(self, photo, faces)

    monkeypatch.setattr(VideoResults, "add", fail)


@pytest.mark.slow
def test_ctrl_c_leaves_a_file_that_can_be_played_and_whole_rows(clip, monkeypatch):
    after(12, Stopped(2), monkeypatch)
    done = fer("video", clip, "--output", OUT)
    assert done.exit_code == 130
    assert "Unfinished results are in out/unfinished" in done.stderr
    read, sound = copy(OUT / "unfinished")
    assert len(read) == len(rows(OUT / "unfinished")) == len(frames(OUT / "unfinished")) == 12
    assert sound > 15


@pytest.mark.slow
def test_a_full_disk_leaves_a_file_that_can_be_played_and_whole_rows(home):
    pytest.importorskip("av")
    noise = np.random.default_rng(0)
    write("noise.mp4", (noise.integers(0, 256, (240, 320, 3), np.uint8) for _ in range(40)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, before[1]))
    try:
        done = fer("video", "noise.mp4", "--no-detect", "--output", OUT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.exit_code == 1
    assert " can't be written (File too large). Put it right, or name another folder." in done.stderr
    left = OUT / "unfinished"
    assert 0 < len(list(Video(str(left / "annotated.mp4")).decode(1))) <= len(frames(left))
    assert all(None not in row and None not in row.values() for row in rows(left))


def test_lines_are_whole_though_the_disk_is_full(tmp_path):
    from fer.inference.video_results import _Lines

    lines = _Lines(tmp_path / "faces.csv")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        lines.add("a line of twenty-three\n")
        lines.add("a line of twenty-three\n")
        with pytest.raises(OSError, match="too large"):
            lines.add("a line of twenty-three\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "faces.csv").read_text() == 2 * "a line of twenty-three\n"


class FakeCamera:
    """Stands for OpenCV's: a face that moves, and nothing any more after 15 frames."""

    def __init__(self, number):
        self._frames = iter([*pictures(15, LEFT_TO_RIGHT), None])

    def isOpened(self):
        return True

    def get(self, _):
        return 30.0

    def read(self):
        picture = next(self._frames)
        return picture is not None, picture

    def release(self):
        self.released = True


def test_a_camera_ends_well_by_ctrl_c(home, monkeypatch):
    pytest.importorskip("av")
    monkeypatch.setattr("cv2.VideoCapture", FakeCamera)
    monkeypatch.setattr(FakeCamera, "read", lambda self: (True, np.full((48, 64, 3), 128, np.uint8)))
    add = VideoResults.add

    def once(self, photo, faces):
        add(self, photo, faces)
        raise Stopped(2)

    monkeypatch.setattr(VideoResults, "add", once)
    done = fer("video", "0", "--output", OUT)
    assert done.exit_code == 0, done.output
    assert "Saved in out" in done.stderr
    assert len(copy()[0]) == 1


def test_a_camera_skips_what_nobody_takes_in_time(monkeypatch):
    monkeypatch.setattr("cv2.VideoCapture", FakeCamera)
    camera = Camera(0)
    taken = camera.frames()
    first = next(taken)
    while not camera.problem:
        time.sleep(0.01)
    [last] = list(taken)
    assert first.number < last.number == 14
    assert camera.problem == "Camera 0 sends no more pictures."


def test_frames_are_decoded_ahead_but_not_all(clips):
    source = Video(str(clips / "one.mp4"))
    taken = source.frames()
    assert [frame.number for frame in (next(taken), next(taken))] == [0, 1]
    taken.close()
    assert source._ended.is_set()


def test_a_show_without_display_goes_on(clip, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    done = fer("video", clip, "--every", "10", "--show")
    assert done.exit_code == 0
    assert "No window can be opened" in done.stderr
    assert done.stdout.startswith("face 1 ")


def test_closing_the_window_ends_the_video(clip, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr("fer.inference.window.require_display", lambda: None)
    shown = []

    def flush(canvas):
        shown.append(canvas.figure.axes[0].images[0].get_array().shape)
        if len(shown) == 3:
            plt.close(canvas.figure)

    monkeypatch.setattr("matplotlib.backend_bases.FigureCanvasBase.flush_events", flush)
    done = fer("video", clip, "--show", "--output", OUT)
    assert done.exit_code == 0, done.output
    assert shown == [(480, 640, 3)] * 3
    assert len(frames()) == 3
    assert not plt.get_fignums()


def test_the_writer_makes_times_increase_and_sides_even(tmp_path):
    pytest.importorskip("av")
    writer = VideoWriter(tmp_path / "odd.mp4", 30)
    for seconds in (0.0, 0.0, 0.1):
        writer.add(Image.new("RGB", (65, 33)), seconds)
    writer.close()
    read = list(Video(str(tmp_path / "odd.mp4")).frames())
    assert [frame.rgb.shape for frame in read] == [(32, 64, 3)] * 3
    assert all(one.time < other.time for one, other in pairwise(read))
