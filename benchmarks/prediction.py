"""How fast `fer predict` is, how fast each model, and how much memory it holds.

    python -m benchmarks.prediction

Copies of one real photo in several sizes. The times are those of this machine, so the comparison is a ratio: one
process for all photos against one process a photo.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil
from PIL import Image

from fer import inputs
from fer.inference import registry, sources
from fer.inference.network import Network
from fer.inference.predictor import Predictor

PHOTO = Path("docs/images/astronaut.jpg")
CALLS = 15


def photo(folder: Path, width: int, height: int) -> Path:
    """The photo, enlarged and widened to a size, with the one face in it."""
    source = Image.open(PHOTO)
    side = min(width, height)
    picture = Image.new("RGB", (width, height), "grey")
    picture.paste(source.resize((side, side), Image.Resampling.BICUBIC), ((width - side) // 2, 0))
    path = folder / f"{width}x{height}.jpg"
    picture.save(path, quality=90)
    return path


def milliseconds(predictor: Predictor, path: Path) -> float:
    """The median time of a photo, decoding included."""
    times = []
    for _ in range(CALLS + 1):
        began = time.perf_counter()
        assert len(predictor.predict(path)[0].faces) == 1
        times.append(time.perf_counter() - began)
    return 1000 * sorted(times[1:])[CALLS // 2]


def milliseconds_of_model(name: str) -> float:
    """The median time of one face in one view, its inputs given."""
    network: Network = registry.load([name], threads=1)[0]
    face = {kind: inputs.KINDS[kind].example(network.about.size) for kind in network.about.inputs}
    times = []
    for _ in range(CALLS + 1):
        began = time.perf_counter()
        network.probabilities(face)
        times.append(time.perf_counter() - began)
    return 1000 * sorted(times[1:])[CALLS // 2]


def timed(*command: object) -> float:
    """Seconds of a command."""
    began = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return time.perf_counter() - began


@click.command()
@click.option("--photos", default=1000, show_default=True, help="For the comparison of one process with many.")
@click.option("--many", default=10000, show_default=True, help="For the memory.")
def main(photos: int, many: int) -> None:
    """Print times, ratio and memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for threads in (1, None):
            predictor = Predictor(threads=threads)
            click.echo(f"{threads or 'all'} thread(s):")
            for width, height in ((640, 480), (1920, 1080), (4000, 3000)):
                spent = milliseconds(predictor, photo(folder, width, height))
                click.echo(f"  {width} x {height}: {spent:.0f} ms a photo")

        for name in registry.released():
            click.echo(f"{name}: {milliseconds_of_model(name):.1f} ms a face on one thread, after it was found")

        fer = (sys.executable, "-m", "fer", "predict", "--format", "jsonl")
        original = photo(folder, 1280, 960).read_bytes()
        album = folder / "album"
        album.mkdir()
        for number in range(photos):
            (album / f"{number:05}.jpg").write_bytes(original)
        together = timed(*fer, album)
        single = sum(timed(*fer, album / f"{number:05}.jpg") for number in range(20)) / 20
        click.echo(
            f"{photos} photos of 1280 x 960: {together:.1f} s in one process; one process a photo takes "
            f"{single:.2f} s each (mean of 20): {single * photos / together:.1f} times as long"
        )

        small = photo(folder, 400, 300)
        predictor = Predictor()
        process = psutil.Process()
        held = {}
        frames = sources.read_all(str(small) for _ in range(many))
        for number, _ in enumerate(predictor.stream(frames), start=1):
            if number in (many // 10, many // 2, many):
                held[number] = process.memory_info().rss / 1e6
        click.echo("Memory after " + ", ".join(f"{number:,} photos: {value:.0f} MB" for number, value in held.items()))


if __name__ == "__main__":
    main()
