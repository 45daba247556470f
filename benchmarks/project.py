"""A copy of the project with made-up data of FER2013's size, in which stages run as they do on FER2013."""

import contextlib
import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from benchmarks import made
from benchmarks.measure import TOP, Bench
from fer import artifacts, models, paths
from fer.config import Params, students
from fer.data.faces import COLUMNS, Faces
from fer.data.sets import DATA_SETS
from fer.emotions import EMOTIONS
from fer.evaluation import predictions
from fer.landmarks.extract import FaceLandmarks
from fer.models import pretrained
from fer.training import soft_labels

FILES = ("fer", "stages", "dvc.yaml", "params.yaml", ".dvc/config", ".dvcignore", ".gitignore")


def copy(folder: Path, params: Params) -> None:
    """Copy the code, and set params.yaml to the data that `write_faces` makes, and to no downloads."""
    for name in FILES:
        source, target = TOP / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            shutil.copy(source, target)
    content = yaml.safe_load((TOP / "params.yaml").read_text())
    content["data"] |= {"dataset": "fer2013", "size": 48, "labels": None}
    content["split"]["protocol"] = "official"
    content["train"] |= {"device": params.train.device, "devices": 1, "nodes": 1}
    for name in models.MODELS:
        if "weights" in content[name]:
            content[name]["weights"] = "none"
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True, capture_output=True)


def prepared(folder: Path, bench: Bench) -> Faces:
    """Copy the project, and add the graph and the parts of the models. Returns the faces, which no file has yet."""
    copy(folder, bench.params)
    made.write_graph(bench.params, folder / paths.GRAPHS)
    made.write_parts(bench.params, folder / paths.MODELS)
    return faces(few=bench.quick)


def faces(few: bool) -> Faces:
    """Smooth random pictures, so that hardly any are alike: as many as FER2013 has, or a few."""
    official = DATA_SETS["fer2013"].official
    counts = {usage: (10,) * len(EMOTIONS) if few else row for usage, row in official.items()}
    names = [
        (f"{emotion}/{usage}_{number:05d}", usage, emotion)
        for usage, row in counts.items()
        for emotion, count in zip(EMOTIONS, row, strict=True)
        for number in range(count)
    ]
    coarse = np.random.default_rng(0).integers(0, 256, (len(names), 12, 12), dtype=np.uint8)
    images = [np.asarray(Image.fromarray(own).resize((48, 48), Image.Resampling.BICUBIC)) for own in coarse]
    return Faces(np.stack(images), pd.DataFrame(names, columns=list(COLUMNS))).canonical()


def write_archive(file: Path, content: Faces) -> None:
    """Write faces as an archive of JPEG files, as FER2013 is handed around."""
    with zipfile.ZipFile(file, "w") as archive:
        for image, name, usage in zip(content.images, content.table["name"], content.table["usage"], strict=True):
            stream = io.BytesIO()
            Image.fromarray(image).save(stream, "JPEG", quality=90)
            archive.writestr(f"{'train' if usage == 'Training' else 'test'}/{name}.jpg", stream.getvalue())


def write_landmarks(folder: Path, count: int) -> None:
    """Write random landmarks in place of the stage `landmarks`."""
    FaceLandmarks(made.points(count), np.full(count, 2, np.uint8)).save(folder / paths.LANDMARKS)


def write_models(folder: Path, params: Params) -> None:
    """Write untrained networks in place of the trainings."""
    for name in models.MODELS:
        settings, kind = params.model(name), models.network(name)
        arguments, weights = kind.arguments(settings, paths.DATA), made.network(name, settings).state_dict()
        config: dict[str, Any] = {"name": name, "arguments": arguments, "epochs": 1, "best_epoch": 1}
        for phase in kind.phases:
            models.write(folder / paths.MODELS / models.folder(name, phase), weights, config)
        if kind.starts_pretrained:
            content = settings.model_dump()
            content |= {"weights": "none"} if "weights" in content else {}
            with contextlib.chdir(folder):
                pretrained.write_folder(name, made.changed(params, **{name: content}))


def write_predictions(folder: Path, content: Faces, params: Params) -> None:
    """Write random probabilities in place of the stages `evaluate` and `soft_labels`."""
    table = artifacts.read_table(folder / paths.SPLITS)
    rows = np.flatnonzero(table["split"].isin(["val", "test"]))
    chosen = table.loc[rows, ["row", "name", "split"]].assign(emotion=content.table["emotion"].to_numpy()[rows])
    answers = np.random.default_rng(0).dirichlet(np.ones(len(EMOTIONS)), len(rows))
    metadata = {"parameters": 1, "epochs": 1, "best_epoch": 1, "views": 1}
    for name in models.MODELS:
        own = predictions.make(chosen, answers, answers, np.ones(len(rows), bool), metadata)
        artifacts.write_table(folder / paths.PREDICTIONS / f"{name}.parquet", own.table, own.metadata)
    train = np.flatnonzero(table["split"] == "train")
    with contextlib.chdir(folder):
        for name in students():
            answers = np.random.default_rng(0).dirichlet(np.ones(len(EMOTIONS)), len(train))
            soft_labels.write(name, params.model(name).distill.teacher, train, answers)


def fill_outputs(folder: Path) -> None:
    """Put something in the place of every output of dvc.yaml, and every file that a stage needs, that is not there."""
    from dvc.repo import Repo

    with Repo(str(folder)) as repo:
        stages = list(repo.index.stages)
    # Files within a folder come after it.
    needed = sorted({Path(item.fs_path) for stage in stages for item in (*stage.outs, *stage.deps) if item.fs_path})
    for path in needed:
        if not path.exists():
            file = path if path.suffix else path / "made-up.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}\n")
