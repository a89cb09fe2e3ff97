"""What a diffusion model from scratch reaches: ``python benchmarks/diffusion.py quality FOLDER``.

    python benchmarks/diffusion.py quality /tmp/diffusion --minutes 20

`quality` cuts Fashion-MNIST to a long tail, 2,000 images of the largest class and 20 of the rarest, fits one model to
all of them on two threads, and makes images of every class. A classifier that was trained on all 60,000 real images,
and whose share of right answers on the 10,000 others is printed, says how many it takes for what they were meant to
be. A second run with the same folder goes on where the first was ended.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from image_sets import NAMES, read, tail
from numpy.typing import NDArray
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.files import write_bytes
from tasks.statistics.shares import wilson
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.generators.diffusion import Diffusion
from tasks.synthesize.journal import Journal
from tasks.synthesize.moments import grid

LARGEST, FACTOR = 2000, 100
RAREST = 5  # classes whose share is told apart
EPOCHS, BATCH = 6, 128  # of the classifier


def long_tail(seed: int) -> tuple[Examples, NDArray[np.int64]]:
    """The training images, and their number of each class."""
    stream = np.random.default_rng(seed)
    images, labels = read("train")
    counts = np.empty(len(NAMES), dtype=np.int64)
    counts[stream.permutation(len(NAMES))] = tail(LARGEST, FACTOR, len(NAMES))
    chosen = [stream.permutation(np.flatnonzero(labels == code))[:number] for code, number in enumerate(counts)]
    rows = np.sort(np.concatenate(chosen))
    pixels = np.repeat(images[rows, ..., None], 3, axis=3)
    return Examples(None, pixels, labels[rows].astype(np.int64), list(NAMES), [str(row) for row in rows]), counts


def network() -> nn.Sequential:
    """The classifier that says what an image shows."""

    def block(into: int, out: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU())

    return nn.Sequential(
        *(block(1, 32), block(32, 32), nn.MaxPool2d(2), block(32, 64), block(64, 64), nn.MaxPool2d(2)),
        *(block(64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(128, len(NAMES))),
    )


def shown(images: NDArray[np.uint8]) -> torch.Tensor:
    """Grey images, (n, 28, 28), as the classifier sees them."""
    return torch.from_numpy(images.astype(np.float32) / 127.5 - 1)[:, None]


def answers(classifier: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The class of each image."""
    with torch.inference_mode():
        parts = [classifier(part).argmax(1) for part in torch.split(shown(images), 500)]
    return torch.cat(parts).numpy()


def classifier_of(folder: Path) -> nn.Module:
    """The classifier, trained on all real training images, or as it was left in the folder."""
    from safetensors.torch import load_file, save

    made, file = network(), folder / "classifier.safetensors"
    if file.exists():
        made.load_state_dict(load_file(file))
        return made.eval()
    torch.manual_seed(0)
    images, labels = read("train")
    targets = torch.from_numpy(labels.astype(np.int64))
    steps = EPOCHS * (len(images) // BATCH)
    optimiser = torch.optim.AdamW(made.parameters(), 3e-3, weight_decay=0.05)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps + 1)
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            batch = shown(images[rows.numpy()])
            batch = torch.where((torch.rand(len(rows)) < 0.5)[:, None, None, None], batch.flip(3), batch)
            loss = nn.functional.cross_entropy(made(batch), targets[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            rates.step()
    write_bytes(file, save(made.state_dict()))
    return made.eval()


def quality(asked: argparse.Namespace) -> None:
    """Fit, make images, and tell what they are taken for."""
    torch.set_num_threads(2)
    asked.folder.mkdir(parents=True, exist_ok=True)
    classifier = classifier_of(asked.folder)
    images, labels = read("t10k")
    print(f"the classifier is right on {(answers(classifier, images) == labels).mean():.3f} of 10,000 real images")
    examples, counts = long_tail(asked.seed)
    settings: dict[str, Any] = {"image_size": 28, "minutes": asked.minutes, "threads": 2, "precision": asked.precision}
    diffusion = Diffusion.model_validate(settings | {"guidance": asked.guidance}).planned(1)
    name = f"{asked.minutes:g}-{asked.precision}-{asked.seed}"
    checkpoint = asked.folder / f"fit-{name}"
    checkpoint.mkdir(exist_ok=True)
    begun = time.monotonic()
    fitted = diffusion.fit(examples, asked.seed, Journal(checkpoint))
    took = time.monotonic() - begun
    steps = f"{diffusion.steps:,} steps of {diffusion.batch_size}"
    print(f"{len(examples.labels):,} images, {steps}: {took / 60:.1f} minutes")
    wanted = [Wanted(code, 1000 * code + number) for code in range(len(NAMES)) for number in range(asked.images)]
    begun = time.monotonic()
    made = np.stack([one.pixels for one in fitted.sample(wanted)])
    print(f"{len(made):,} images made in {time.monotonic() - begun:.0f} s")
    meant = np.array([one.label for one in wanted])
    right = answers(classifier, made[..., 0]) == meant
    for code in np.argsort(-counts):
        print(f"  {NAMES[code]:<12} {counts[code]:>5} training images   {right[meant == code].mean():.2f}")
    rare = np.isin(meant, np.argsort(counts)[:RAREST])
    for what, among in (("all classes", right), (f"the {RAREST} rarest", right[rare])):
        low, high = (float(end) for end in wilson(float(among.mean()), float(len(among))))
        print(f"{what}: {among.mean():.3f} [{low:.3f}, {high:.3f}] are taken for what they were meant to be")
    rows = [np.flatnonzero(meant == code)[:8] for code in np.argsort(-counts)]
    grid(made[np.concatenate(rows)]).save(asked.folder / f"grid-{name}.png")
    np.savez_compressed(asked.folder / f"made-{name}.npz", images=made[..., 0], labels=meant)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True)
    one = parts.add_parser("quality")
    one.add_argument("folder", type=Path, help="for what is kept between two runs, and the pictures")
    one.add_argument("--minutes", type=float, default=20.0)
    one.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    one.add_argument("--guidance", type=float, default=2.5)
    one.add_argument("--images", type=int, default=100, help="of each class")
    one.add_argument("--seed", type=int, default=0)
    one.set_defaults(run=quality)
    asked = parser.parse_args()
    asked.run(asked)


if __name__ == "__main__":
    main()
