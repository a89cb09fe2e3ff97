"""The family `finetune` against a plain loop of PyTorch: ``python benchmarks/finetune.py FOLDER``.

    python benchmarks/finetune.py /tmp/finetune --images 40 --epochs 10
    python benchmarks/finetune.py /tmp/finetune --photos PHOTOS    # any folder of class folders

Both train the same network (a ResNet of He et al. 2016) with the same settings on the same files, on one thread, and
then classify other images of the set. Without `--photos` those are PNGs of Fashion-MNIST (`benchmarks/image_sets.py`),
28 pixels a side, which hardly take time to be opened. The plain loop is what tutorials show: a `DataLoader` over an
image folder that opens every file anew in every epoch and changes it image by image, `torch.optim.SGD`,
`CosineAnnealingLR`. The family decodes once and changes batches. They take turns, each fit in a process of its own,
`--repeats` times with other seeds; told are CPU seconds (another load on the machine changes them little), their ratio,
and both accuracies with Wilson's intervals.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from image_sets import NAMES, class_folders, read, write
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.inputs import Inputs, StoredSource
from tasks.statistics.shares import wilson
from tasks.train.families import Components, Fit, Log
from tasks.train.families.finetune import Finetune
from tasks.train.finetuning.whole import new_network
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.mixing.none import Unmixed
from tasks.train.rows import Rows
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled

SIDE = 32
PREDICTED = 256  # images a forward pass of the plain loop's evaluation


class Folder(Dataset[tuple[Tensor, int]]):
    """Image files by number, opened whenever one is asked for, flipped and shifted where they train."""

    def __init__(self, files: list[Path], labels: NDArray[np.int64], is_training: bool) -> None:
        self.files, self.labels, self.is_training = files, labels, is_training

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        with Image.open(self.files[row]) as opened:
            image = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        if self.is_training:
            image = ImageOps.mirror(image) if torch.rand(()) < 0.5 else image
            left, top = (int(torch.randint(9, ())) for _ in range(2))
            pixels = np.pad(np.asarray(image), ((4, 4), (4, 4), (0, 0)), mode="reflect")
            pixels = pixels[top : top + SIDE, left : left + SIDE]
        else:
            pixels = np.asarray(image)
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float(), int(self.labels[row])


def plain(
    files: list[Path], labels: NDArray[np.int64], settings: Finetune, seed: int
) -> Callable[[list[Path]], Tensor]:
    """The plain loop; returns what predicts files."""
    torch.manual_seed(seed)
    start = np.log(np.bincount(labels) / len(labels))
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB").resize((SIDE, SIDE))) for file in files])
    shown = pixels.mean(axis=(0, 1, 2)), pixels.std(axis=(0, 1, 2))
    network = new_network(settings.network, start, shown, seed)
    optimiser = torch.optim.SGD(
        network.parameters(),
        settings.learning_rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=settings.weight_decay,
    )
    loader = DataLoader(Folder(files, labels, is_training=True), settings.batch_size, shuffle=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * len(loader))
    network.train()
    for _ in range(settings.epochs):
        for images, targets in loader:
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(network(images), targets))
            optimiser.step()
            schedule.step()
    network.eval()

    def predict(others: list[Path]) -> Tensor:
        found = DataLoader(Folder(others, np.zeros(len(others), np.int64), is_training=False), PREDICTED)
        with torch.inference_mode():
            return torch.cat([network(images) for images, _ in found]).argmax(1)

    return predict


Way = Callable[[list[Path], NDArray[np.int64], Finetune, int], Callable[[list[Path]], Tensor]]


def ours(files: list[Path], labels: NDArray[np.int64], settings: Finetune, seed: int) -> Callable[[list[Path]], Tensor]:
    """The family; returns what predicts files."""
    ids = [str(file) for file in files]
    rows = Rows(ids, [str(code) for code in np.unique(labels)], labels, labels, np.ones(len(ids), np.float32))
    with TemporaryDirectory() as folder:  # a new one every time, so that decoding and checkpoints are paid for
        source = StoredSource({}, dict(zip(ids, files, strict=True)), Path(folder, "decoded"))
        components = Components(CrossEntropy(), Natural(), Unmixed(), Unscheduled())
        [fitted] = settings.fit_all(
            [Fit(rows, Inputs(ids, source), components, seed, None, Log(), Path(folder, "fit"))]
        )

    def predict(others: list[Path]) -> Tensor:
        names = [str(file) for file in others]
        source = StoredSource({}, dict(zip(names, others, strict=True)))
        return torch.from_numpy(fitted.predict(Inputs(names, source)).values).argmax(1)

    return predict


def alone(
    train: Way, files: list[Path], labels: NDArray[np.int64], settings: Finetune, seed: int, others: list[Path]
) -> tuple[float, NDArray[np.int64]]:
    """CPU seconds of a fit, and what it says of other files; in a process of its own, so that ways don't mix."""

    def run() -> None:
        start = time.process_time()
        predict = train(files, labels, settings, seed)
        took = time.process_time() - start
        sender.send((took, predict(others).numpy()))

    fork = get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=run)
    process.start()
    took, found = receiver.recv()
    process.join()
    return took, found


Part = tuple[list[Path], NDArray[np.int64]]


def of_fashion(asked: argparse.Namespace) -> tuple[Part, Part]:
    """Files and classes to train on, and others."""
    parts = []
    for which, number in (("train", asked.images), ("t10k", asked.others)):
        images, labels = read(which)
        chosen = np.concatenate([np.flatnonzero(labels == code)[:number] for code in range(len(NAMES))])
        parts.append((write(images, labels, chosen, asked.folder / which), labels[chosen].astype(np.int64)))
    return parts[0], parts[1]


def of_folder(asked: argparse.Namespace) -> tuple[Part, Part]:
    """Files and classes of a folder of class folders to train on, and others."""
    drawn = list(class_folders(asked.photos, np.random.default_rng(0)).values())
    own = [files[: asked.images] for files in drawn]
    others = [files[asked.images :][: asked.others] for files in drawn]
    return _part(own), _part(others)


def _part(by_class: list[list[Path]]) -> Part:
    return [file for files in by_class for file in files], np.repeat(np.arange(len(by_class)), [*map(len, by_class)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the images; new or empty")
    parser.add_argument("--photos", type=Path, help="class folders; without it, Fashion-MNIST")
    parser.add_argument("--images", type=int, default=40, help="a class, to train on")
    parser.add_argument("--others", type=int, default=100, help="a class, to classify")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--depth", type=int, default=8, choices=[8, 20, 32])
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    (files, targets), (others, answers) = of_folder(asked) if asked.photos else of_fashion(asked)
    network = {"name": "resnet", "depth": asked.depth}
    common = {"network": network, "image_size": SIDE, "epochs": asked.epochs, "warm_up": 0.0}
    ways = {
        "plain loop": (plain, Finetune.model_validate({"name": "finetune", **common})),
        "finetune": (ours, Finetune.model_validate({"name": "finetune", **common})),
        "finetune, bfloat16": (ours, Finetune.model_validate({"name": "finetune", **common, "precision": "bfloat16"})),
    }
    brief = ways["plain loop"][1].model_copy(update={"epochs": 1})
    plain(
        files[:80], targets[:80], brief, 0
    )  # the first use of torch.optim imports torch's compiler: counts for nobody
    print(
        f"ResNet-{asked.depth}, {len(files)} images, {asked.epochs} epochs, batches of {brief.batch_size}", flush=True
    )
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    right: dict[str, int] = dict.fromkeys(ways, 0)
    for seed in range(asked.repeats):
        for name, (train, settings) in ways.items():
            took, found = alone(train, files, targets, settings, seed, others)
            seconds[name].append(took)
            right[name] += int((found == answers).sum())
    print(f"\n{'':<20}{'CPU seconds a fit':>18}{'plain / it':>12}   accuracy on {len(others)} other images, all seeds")
    for name, each in seconds.items():
        share = right[name] / len(others) / asked.repeats  # a mean over fits, of so many independent images
        low, high = wilson(share, len(others))
        ratios = np.array(seconds["plain loop"]) / np.array(each)
        print(f"{name:<20}{np.median(each):18.2f}{np.median(ratios):12.2f}   {share:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
