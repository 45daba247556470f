"""Image input: a DataLoader of PIL pictures, transformed one by one, beside batches that are augmented as a whole."""

from collections.abc import Callable, Iterator

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks import made
from benchmarks.measure import Bench, Row, compared, single
from fer import inputs
from fer.config import Cnn
from fer.inputs.pixels import ERASED_AREA, ERASED_RATIO
from fer.landmarks.extract import cores
from fer.models.cnn import IMAGENET_MEAN, IMAGENET_STD
from fer.training.batches import Batches


class Pictures(Dataset):
    """The baseline: one face after the other, through torchvision's transforms."""

    def __init__(self, settings: Cnn, count: int) -> None:
        own = settings.augment.pixels
        self.faces, self.labels = made.pixels(count), made.labels(count)
        self.transform = transforms.Compose(
            [
                transforms.Resize(settings.image_size),
                transforms.RandomHorizontalFlip(settings.augment.flip),
                transforms.RandomAffine(own.rotation, 2 * [own.translation], (1 - own.scale, 1 + own.scale)),
                transforms.ColorJitter(own.brightness, own.contrast),
                transforms.Grayscale(num_output_channels=3),
                transforms.ToTensor(),
                transforms.Normalize(3 * [IMAGENET_MEAN], 3 * [IMAGENET_STD]),
                transforms.RandomErasing(own.erasing, ERASED_AREA, ERASED_RATIO),
            ]
        )

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.faces[row])), int(self.labels[row])


def rows(bench: Bench) -> Iterator[Row]:
    """The speed of both, and what share of a training step of the CNN ours takes."""
    settings = bench.params.cnn
    batch, steps = (4, 2) if bench.quick else (settings.optim.batch_size, 20)
    count, on_gpu = batch * steps, bench.device == "cuda"
    loader = DataLoader(
        Pictures(settings, count),
        batch,
        shuffle=True,
        num_workers=cores(),
        persistent_workers=True,
        pin_memory=on_gpu,
    )

    def plain() -> None:
        for pictures, _ in loader:
            pictures.to(bench.device, non_blocking=True)

    preparing = made.network("cnn", settings).to(bench.device)
    preparing.backbone = preparing.head = nn.Identity()  # what is left is what the network does before it
    data = made.data(["pixels"], count).to(torch.device(bench.device))
    batches = Batches(data, data.train, batch, seed=0)

    @torch.no_grad()
    def ours() -> None:
        for values, *_ in batches:
            preparing(**inputs.augment(values, settings.augment, preparing))

    step = training_step(bench, batch)
    found = bench.in_turns(
        {
            "plain": bench.speed(plain, count),
            "ours": bench.speed(ours, count),
            "step": bench.speed(step, batch),
        }
    )
    size = settings.image_size
    yield compared(
        "images.input",
        f"image input with all augmentation, 48 to {size} px",
        "images/s",
        found["plain"],
        found["ours"],
        f"plain: DataLoader with {cores()} workers, PIL pictures, torchvision's transforms one by one",
    )
    shares = [100 * one / other for one, other in zip(found["step"], found["ours"], strict=True)]
    yield single("images.share", f"our image input as a share of a float32 step of the CNN at {size} px", "%", shares)


def training_step(bench: Bench, batch: int) -> Callable[[], None]:
    """One bare step of the CNN, in float32, on one ready batch."""
    network = made.network("cnn", bench.params.cnn).to(bench.device)
    optimizer = torch.optim.AdamW(network.parameters())
    data = made.data(["pixels"], batch).to(torch.device(bench.device))

    return lambda: made.learn(network(**data.inputs), data.labels, optimizer)
