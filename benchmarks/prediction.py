"""Prediction: one process a photo beside one for all, the time of a photo and of each model, and the memory."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from PIL import Image

from benchmarks import processes
from benchmarks.measure import TOP, Bench, Row, compared, single
from fer import inputs
from fer.inference import registry, sources
from fer.inference.predictor import Predictor

PHOTO = TOP / "docs/images/astronaut.jpg"
SIZES = ((640, 480), (1920, 1080), (4000, 3000))
FER = (sys.executable, "-m", "fer", "predict", "--format", "jsonl")


def photo(folder: Path, width: int, height: int) -> Path:
    """The photo, enlarged and widened to a size, with the one face in it."""
    source = Image.open(PHOTO)
    side = min(width, height)
    picture = Image.new("RGB", (width, height), "grey")
    picture.paste(source.resize((side, side), Image.Resampling.BICUBIC), ((width - side) // 2, 0))
    path = folder / f"{width}x{height}.jpg"
    picture.save(path, quality=90)
    return path


def album(name: str, source: Path, count: int) -> Path:
    """A folder of so many copies of a photo."""
    folder = Path(name)
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05}.jpg").write_bytes(source.read_bytes())
    return folder


def rows(bench: Bench) -> Iterator[Row]:
    """All of it, on the processor: prediction uses no GPU."""
    here = Path()
    yield from in_one_process(bench, photo(here, 1280, 960))
    yield from typed_to_answered(bench, photo(here, *SIZES[0 if bench.quick else -1]))
    yield from by_size(bench)
    yield from by_model(bench)
    yield from memory(bench, photo(here, 400, 300))


def in_one_process(bench: Bench, source: Path) -> Iterator[Row]:
    """Many photos by one process, and by one process each."""
    few, many = (1, 2) if bench.quick else (3, 150)
    folder = album("album", source, many)
    each = sorted(folder.iterdir())[:few]
    found = bench.in_turns(
        {
            "plain": bench.speed(lambda: [processes.seconds((*FER, path)) for path in each], few),
            "ours": bench.speed(lambda: processes.seconds((*FER, folder)), many),
        },
        share=0.35,
    )
    note = f"plain: one process a photo; ours: one for {many} photos, its start included"
    yield compared("prediction.photos", "photos of 1280 x 960", "photos/s", found["plain"], found["ours"], note)


def typed_to_answered(bench: Bench, source: Path) -> Iterator[Row]:
    """From the call of `fer predict` to its end, and what a further photo adds."""
    further = 1 if bench.quick else 10
    folder = album("large", source, 1 + further)
    found = bench.in_turns(
        {"one": lambda: processes.seconds((*FER, source)), "all": lambda: processes.seconds((*FER, folder))}, share=0.2
    )
    with Image.open(source) as picture:
        size = f"{picture.width} x {picture.height}"
    yield single("prediction.typed", f"one photo of {size}, from command to result", "s", found["one"])
    added = [1000 * (both - one) / further for one, both in zip(found["one"], found["all"], strict=True)]
    yield single("prediction.further", f"each further photo of {size}", "ms", added)


def by_size(bench: Bench) -> Iterator[Row]:
    """A photo, decoding included, once the models are loaded."""
    files = [photo(Path(), *size) for size in SIZES[: 1 if bench.quick else None]]
    predictors = {"one thread": Predictor(threads=1), "all threads": Predictor()}
    works: dict[str, Callable[[], float]] = {}
    for words, predictor in predictors.items():
        for file in files:
            works[f"{file.stem.replace('x', ' x ')}, {words}"] = _milliseconds(bench, predictor, file)
    for number, (work, samples) in enumerate(bench.in_turns(works, share=0.2).items()):
        yield single(f"prediction.photo{number}", f"one photo of {work}, decoding included", "ms", samples)


def _milliseconds(bench: Bench, predictor: Predictor, file: Path) -> Callable[[], float]:
    timed = bench.clock(lambda: predictor.predict(file))
    return lambda: 1000 * timed()


def by_model(bench: Bench) -> Iterator[Row]:
    """One face by each model of the package on one thread, after it was found."""
    calls = 2 if bench.quick else 50
    works = {}
    for name in registry.released():
        network = registry.load([name], threads=1)[0]
        face = {kind: inputs.KINDS[kind].example(network.about.size) for kind in network.about.inputs}
        works[name] = _latency(bench, network.probabilities, face, calls)
    for name, samples in bench.in_turns(works, share=0.1).items():
        yield single(f"latency.{name}", f"{name}, one face on one thread", "ms", samples)


def _latency(bench: Bench, answer: Callable[..., object], face: inputs.Arrays, calls: int) -> Callable[[], float]:
    timed = bench.clock(lambda: [answer(face) for _ in range(calls)])
    return lambda: 1000 * timed() / calls


def memory(bench: Bench, source: Path) -> Iterator[Row]:
    """What `fer predict` holds, and whether that grows with the photos."""
    done = processes.run((*FER, "album"))
    yield single("memory.predict", "fer predict, photos of 1280 x 960", "GB", [done.peak / 1e9])
    many = 10 if bench.quick else 1000
    predictor, process, held = Predictor(), psutil.Process(), {}
    frames = sources.read_all(str(source) for _ in range(many))
    for number, _ in enumerate(predictor.stream(frames), start=1):
        if number in (many // 10, many):
            held[number] = process.memory_info().rss / 1e9
    first, last = held.values()
    work, note = f"memory after {many:,} small photos in one process", f"after {many // 10}: {first:.3f} GB"
    yield single("memory.stream", work, "GB", [last], note)
