"""What is to be reached, on two cores and on a GPU of the H100's class, and the rows that say how far we are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A line of the table of targets.

    Attributes:
        work: what is to be fast.
        cores: the target on two cores; empty for none.
        gpu: the target on one GPU; empty for none.
        keys: of the rows that show it on two cores.
        gpu_keys: of those that show it on a GPU.
        by_hand: why no part measures it.
    """

    work: str
    cores: str
    gpu: str = ""
    keys: tuple[str, ...] = ()
    gpu_keys: tuple[str, ...] = ()
    by_hand: str = ""


TARGETS = (
    Target(
        "image input with all augmentation, 48 to 96 px",
        "5 x the baseline, under 10 % of a CNN step",
        "under 10 % of a step",
        ("images.input", "images.share"),
        ("images.share",),
    ),
    Target("landmarks of FER2013, all views", "4 min at the same points", keys=("landmarks.fer2013",)),
    Target("mlp, one epoch", "1 s", "0.3 s", ("epoch.mlp",), ("epoch.mlp",)),
    Target(
        "transformer, whole training",
        "15 min, same val",
        "10,000 faces/s",
        ("whole.transformer", "training.transformer"),
        ("training.transformer",),
    ),
    Target(
        "gnn, whole training", "6 min, same val", "20,000 faces/s", ("whole.gnn", "training.gnn"), ("training.gnn",)
    ),
    Target(
        "cnn at 96 px, whole training",
        "20 min for the same val (70.6 when the target was set)",
        "5,000 images/s at 224 px in bf16; 100 epochs of the original recipe in 12 min",
        ("whole.cnn", "training.cnn"),
        ("training.cnn_224", "whole.cnn_224"),
    ),
    Target(
        "phase `head` (frozen backbone)",
        "features computed once where augmentation allows; else 2.5 x phase full",
        keys=("training.cnn_head", "training.cnn"),
    ),
    Target("`dvc repro` with nothing to do", "2 s", keys=("dvc.nothing",)),
    Target(
        "a stage's start until its work begins",
        "1.5 s without a network, 4 s with one",
        keys=("start.split", "start.train"),
    ),
    Target(
        "`make demo` after its set-up, two idle cores",
        "90 s",
        by_hand="runs for minutes and changes the working tree: `time make demo`",
    ),
    Target("`make test`", "5 min, none skipped for it", by_hand="runs for minutes: `time make test`"),
    Target("peak memory of any stage on FER2013", "2 GB", keys=("memory.peak",)),
    Target("one face, cnn, one thread", "1.2 ms at the same val", keys=("latency.cnn",)),
    Target(
        "one photo of 12 megapixels, from command to result",
        "0.4 s and 60 ms a further photo",
        keys=("prediction.typed", "prediction.further"),
    ),
    Target(
        "video of 720p with one face",
        "30 frames/s, 15 with the annotated copy",
        keys=("video.rows", "video.copy"),
    ),
)
