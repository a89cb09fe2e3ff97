"""The judge on real images with a long tail, and what is true of it: ``python benchmarks/long_tail.py FOLDER``.

    python benchmarks/long_tail.py /tmp/tails/20-0 --factor 20 --seed 0

Cuts the 60,000 training images of Fashion-MNIST to a long tail (the largest class `factor` times the rarest, the
others between them in equal steps of the logarithm; which class is how large is drawn by the seed), makes a workspace
of it, runs the strategies of a preset, and prints the sentences and the leaderboard. Then the models of every
strategy classify the set's 10,000 other images, 1,000 a class (or `--others`), which took no part: so beside what was
promised stands what is true. Where the set comes from stands in `benchmarks/image_sets.py`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from image_sets import NAMES, read, tail, write
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flows.leaderboard import LEADERBOARD
from tasks.files import read_json
from tasks.inputs import Inputs
from tasks.train.loading import load_single
from tasks.train.models import Model

ROOT = Path(__file__).resolve().parent.parent
FEWEST = 20  # images of the rarest class: a run refuses fewer
LARGEST = 1000


class Known:
    """The other images as models see them, made once for all that see them alike (a `Source`)."""

    def __init__(self, files: list[Path], workers: int) -> None:
        self.files, self.workers, self.made = files, workers, dict[Any, Any]()

    def inputs(self, model: Model) -> Inputs:
        """The images as `model`, which is one of all training rows, sees them."""
        self.seen = model.inputs(self.files, self.workers)
        return Inputs([str(file) for file in self.files], self)

    def features(self, ids: Sequence[str], backbone: str, fold: int | None) -> NDArray[np.float32]:
        """The vectors of all images."""
        if backbone not in self.made:
            self.made[backbone] = self.seen.features(backbone, fold)
        found: NDArray[np.float32] = self.made[backbone]
        return found

    def images(self, ids: Sequence[str], size: int, resize: str) -> NDArray[np.uint8]:
        """All images."""
        if (size, resize) not in self.made:
            self.made[size, resize] = self.seen.images(size, resize)
        found: NDArray[np.uint8] = self.made[size, resize]
        return found


def equipoise(workspace: Path, *words: str) -> None:
    """Run a command of the product, in a workspace if there is one."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    where = workspace if workspace.exists() else None
    subprocess.run([sys.executable, "-m", "flows.cli", *words], cwd=where, env=environment, check=True)


def long_tail(folder: Path, factor: float, seed: int, largest: int | None = None) -> str:
    """Write training images into a folder a class; returns a sentence that says how many of which.

    The largest class has as many as asked for, or 1,000, or as many more as leave enough of the rarest.
    """
    stream = np.random.default_rng(seed)
    images, labels = read("train")
    counts = tail(largest or max(LARGEST, FEWEST * factor), factor, len(NAMES))
    sizes = dict(zip(stream.permutation(len(NAMES)), counts, strict=True))
    chosen = [stream.permutation(np.flatnonzero(labels == code))[:size] for code, size in sizes.items()]
    write(images, labels, np.concatenate(chosen), folder)
    told = ", ".join(f"{NAMES[code]} {size:,}" for code, size in sizes.items())
    return f"long tail of factor {factor:g}, seed {seed}: {told}"


def truth(
    workspace: Path, strategies: list[str], files: list[Path], labels: NDArray[np.uint8]
) -> dict[str, NDArray[np.float64]]:
    """By strategy, the recall of each class on images that took no part: the mean over single fits, as in verdicts."""
    known, recalls = Known(files, os.cpu_count() or 1), {}
    for name in strategies:
        model = load_single(workspace / "models" / name)
        codes = np.array([model.classes.index(NAMES[label]) for label in labels])
        right = (model.predict_each(known.inputs(model)).decisions == codes).mean(axis=0)
        recalls[name] = np.bincount(codes, right) / np.bincount(codes)
    return recalls


def show(home: Path, each: int) -> None:
    """Print what was measured and promised beside what is true on `each` other images of every class."""
    workspace = home / "workspace"
    board = read_json(workspace / LEADERBOARD)
    others, answers = read("t10k")
    shown = np.sort(np.concatenate([np.flatnonzero(answers == code)[:each] for code in range(len(NAMES))]))
    names = [row["strategy"] for row in board["rows"] if not row.get("members")]
    recalls = truth(workspace, names, write(others, answers, shown, home / "others"), answers[shown])
    classes = sorted(NAMES)
    judged = [classes.index(name) for name in board["judged_classes"]]
    rarest = classes.index(board["rarest_class"])
    base = recalls[board["baseline"]]
    print(f"\nOn {len(shown):,} images that took no part; differences to {board['baseline']} in balanced accuracy")
    print(f"{'strategy':<24}{'true':>8}{'true diff.':>12}   measured                  promised  verdict       rarest")
    for row in board["rows"]:
        if row.get("members"):
            continue
        own, it, bet = recalls[row["strategy"]], row["difference"], row["bet"]
        measured = f"{it['value']:+.3f} [{it['low']:+.3f}, {it['high']:+.3f}]" if it else ""
        print(
            f"{row['strategy']:<24}{own[judged].mean():8.3f}{(own - base)[judged].mean():+12.3f}   {measured:<26}"
            f"{bet['expected_gain'] if bet else 0:+8.3f}  {row['verdict']:<14}{own[rarest]:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the images and the workspace; with those of before it goes on")
    parser.add_argument("--factor", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--largest", type=int, help="images of the largest class")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--others", type=int, default=1000, help="images a class that show what is true")
    asked = parser.parse_args()
    home, workspace = asked.folder, asked.folder / "workspace"
    if not workspace.exists():
        print(long_tail(home / "images", asked.factor, asked.seed, asked.largest), flush=True)
        equipoise(workspace, "new", str(workspace))
        equipoise(workspace, "add", str((home / "images").resolve()))
    equipoise(workspace, "preset", asked.preset)
    equipoise(workspace, "run")
    show(home, asked.others)


if __name__ == "__main__":
    main()
