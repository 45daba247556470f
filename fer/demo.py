"""`make demo`: the whole pipeline on the embedded faces, as an experiment that is easy to undo."""

import os
import signal
import subprocess
import sys

import click
import numpy as np

from fer import hashing, paths, preloaded
from fer.config_parts import PixelAugmentation
from fer.emotions import EMOTIONS
from fer.errors import FerError

# A very small ResNet from scratch, since the demo downloads nothing. So short a training teaches it little; its stages,
# files and measures are what the demo shows.
IMAGE_NETWORK = {
    "weights": "none",  # no downloads
    "backbone": "timm:test_resnet",
    "image_size": 48,
    "mixup_alpha": 0.0,
    "optim.batch_size": 32,
    "optim.ema": 0.98,
    "optim.patience": 0,
    **{f"augment.pixels.{name}": 0.0 for name in PixelAugmentation.model_fields},
}
# Small enough to run in minutes on two cores. The stages, the models and their phases are the real ones.
OVERRIDES = {
    "data.dataset": "drawn",
    "data.drawn_faces": 630,
    "mlp.epochs": 24,
    "mlp.optim.batch_size": 64,
    "transformer.layers": 1,
    "transformer.width": 64,
    "transformer.epochs": 6,
    "transformer.optim.batch_size": 32,
    "transformer.lr": 0.003,
    "gnn.width": 64,
    "gnn.epochs": 8,
    "gnn.optim.batch_size": 32,
    "gnn.lr": 0.003,
    **{f"cnn.{key}": value for key, value in IMAGE_NETWORK.items()},
    "cnn.head.epochs": 1,
    "cnn.partial.epochs": 1,
    "cnn.full.epochs": 20,
    "cnn.full.lr": 0.006,
    **{f"efficientnetv2.{key}": value for key, value in IMAGE_NETWORK.items()},
    "efficientnetv2.epochs": 10,
    "efficientnetv2.lr": 0.006,
    "efficientnetv2.backbone_lr": 0.006,
    "fusion.epochs": 2,
    "fusion.optim.batch_size": 32,
    "tiny.widths": "[8,16,32]",
    "tiny.blocks": 2,
    "tiny.epochs": 4,
    "tiny.lr": 0.01,
    "tiny.optim.batch_size": 32,
    "tiny.optim.ema": 0.98,
    # After so little training more models are right more often.
    "ensemble.members": "[cnn,efficientnetv2,mlp,transformer,gnn]",
    "evaluate.tta": "flip",
    "explain.models": "[mlp]",
}
# What a run changes among the files that git tracks.
TRACKED = ("params.yaml", "dvc.lock", "metrics", "plots", "reports")
MARK, PICTURES = paths.CACHE / "demo", paths.CACHE / "demo_faces"
# Results that the last commit does not hold are new files, which `git restore` leaves behind.
RESULTS = ("metrics", "plots", "reports")
UNDO = f"git restore {' '.join(TRACKED)} && git clean -fdq {' '.join(RESULTS)}"
IDENTITY = {"NAME": "fer demo", "EMAIL": "demo@example.invalid"}


@click.command()
def main() -> None:
    """Run every stage on drawn faces with `dvc exp run`, then show the metrics and the next steps.

    The run replaces the results in the working tree; the models that come with the package stay as they are. It
    refuses to start if that would lose changes of your own.
    """
    if _git("rev-parse", "--is-inside-work-tree", check=False) != "true":
        raise FerError("The demo is a DVC experiment and needs a git clone: use `git clone`, not an archive.")
    if _git("status", "--porcelain", "--", *TRACKED):
        # The results of an earlier demo may be replaced, other changes may not.
        if not MARK.exists() or MARK.read_text() != _state():
            raise FerError(
                "There are uncommitted changes in params.yaml or the results, which the demo would replace. "
                f"Commit them, or discard them with `{UNDO}`."
            )
        _git("restore", *TRACKED)
        _git("clean", "-fdq", *RESULTS)

    overrides = [item for key, value in OVERRIDES.items() for item in ("-S", f"{key}={value}")]
    click.secho("$ dvc exp run " + " ".join(overrides), dim=True)
    failed = _run(["python", "-m", "dvc", "exp", "run", *overrides])
    MARK.parent.mkdir(exist_ok=True)
    MARK.write_text(_state())
    if failed:
        click.echo(f"The demo stopped. `make demo` continues it; to undo it, run: {UNDO}", err=True)
        sys.exit(failed)
    click.echo()
    subprocess.run([sys.executable, "-m", "fer.evaluation.results"], check=True)
    click.echo(
        "\nThese are drawn faces: the figures show that everything runs, not how good the models are on people.\n"
    )
    _predict()
    click.echo("See the plots:      .venv/bin/dvc plots show --open")
    click.echo(f"Undo the demo:      {UNDO}")


def _run(command: list[str]) -> int:
    """Run a command whose stages need not load the libraries, which takes longer than their work; its status.

    Ctrl-C reaches the command too. This process waits until it has ended.
    """
    environment = _with_identity()
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        if sys.platform != "linux":
            return subprocess.run(command, env=environment).returncode
        with preloaded.started(environment) as folder:
            path = f"{folder}{os.pathsep}{environment['PATH']}"
            return subprocess.run(command, env=environment | {"PATH": path}).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _predict() -> None:
    """Predict a drawn test face of each emotion with the trained models, by the command that a user would type."""
    from PIL import Image

    from fer import writing
    from fer.data import splits
    from fer.data.faces import Faces

    faces = Faces.load(paths.FACES)
    test = splits.read(paths.SPLITS, len(faces.labels))["split"] == "test"
    folder = writing.clean_folder(PICTURES)
    for number, emotion in enumerate(EMOTIONS):
        first = int(np.flatnonzero(test & (faces.labels == number))[0])
        Image.fromarray(np.asarray(faces.images[first])).save(folder / f"{emotion}.png")
    options = [str(folder), "--no-detect", "--models", str(paths.ONNX), "--model", "ensemble"]
    click.secho("$ fer predict " + " ".join(options), dim=True)
    subprocess.run([sys.executable, "-m", "fer", "predict", *options], check=True)
    click.echo()


def _git(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    if check and done.returncode:
        raise FerError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _state() -> str:
    """A digest of how the tracked files differ from the last commit."""
    difference = _git("diff", "HEAD", "--", *TRACKED) + _git("status", "--porcelain", "--", *TRACKED)
    return hashing.sha256(difference.encode())


def _with_identity() -> dict[str, str]:
    """The environment, with a name for DVC's experiment commit where git has none."""
    environment = dict(os.environ)
    if not _git("config", "user.email", check=False):
        for role in ("AUTHOR", "COMMITTER"):
            for key, value in IDENTITY.items():
                environment.setdefault(f"GIT_{role}_{key}", value)
    return environment


if __name__ == "__main__":
    main()
