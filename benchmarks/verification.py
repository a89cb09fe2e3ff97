"""Classes that a similarity never saw, from a few images of them: ``python benchmarks/verification.py FOLDER``.

    python benchmarks/verification.py /tmp/verification --each 100 --others 100

Takes `--each` training images of every class of Fashion-MNIST (see `benchmarks/image_sets.py`), leaves one class out,
fits the family `similarity` on the others, enrolls the class from 1, 5 and 10 of its images, and asks `--others` images
a class that took no part: what share of the class is found (recall), what share of the images of others is taken for
it, and at which rate both errors of telling two images of it from one of it and one of another are the same (equal
error). In turn for every class and several draws of the enrolled images; beside it nearest class mean without any
training. Intervals are over the classes that were left out (Student's, 95 %): another class is another question.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from image_sets import NAMES, read, write

from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.features.embedding import embed
from tasks.inputs import Inputs
from tasks.statistics.scaling import unit_vectors
from tasks.statistics.verification import HeldOut, Rates
from tasks.train.families import Components, Log
from tasks.train.families.similarity import FittedSimilarity, Similarity
from tasks.train.losses.none import NoLoss
from tasks.train.mixing.none import Unmixed
from tasks.train.rows import Rows
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled

SHOTS = (1, 5, 10)
DRAWS = 5  # of the images that are enrolled
LOSSES = {
    "supervised_contrastive": {"name": "supervised_contrastive"},
    "triplet, batch_hard": {"name": "triplet"},
    "triplet, semi_hard": {"name": "triplet", "mining": "semi_hard"},
}


class Vectors:
    """Feature vectors by the numbers of their images (a `Source`)."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values = values

    def inputs(self, rows: NDArray[np.int64]) -> Inputs:
        return Inputs([str(row) for row in rows], self)

    def features(self, ids: Sequence[str], backbone: str, fold: int | None) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.values[[int(name) for name in ids]]
        return found

    def images(self, ids: Sequence[str], size: int, resize: str) -> NDArray[np.uint8]:
        raise NotImplementedError


def features_of(home: Path, which: str, each: int) -> tuple[Vectors, NDArray[np.int64]]:
    """Vectors and labels of the first `each` images of every class of `which`; kept in `home`."""
    file = home / f"{which}-{each}.npz"
    if not file.is_file():
        images, labels = read(which)
        chosen = np.concatenate([np.flatnonzero(labels == code)[:each] for code in range(len(NAMES))])
        files = write(images, labels, chosen, home / which)
        np.savez(file, values=embed(files, EfficientNetLite0.model_validate({}), 16, workers=2), labels=labels[chosen])
    with np.load(file) as stored:
        return Vectors(stored["values"]), stored["labels"].astype(np.int64)


def fit(vectors: Vectors, labels: NDArray[np.int64], left_out: int, family: Similarity) -> FittedSimilarity:
    """A similarity that learnt from all classes but one."""
    rows = np.flatnonzero(labels != left_out)
    known = np.where(labels > left_out, labels - 1, labels)[rows]
    names = [name for code, name in enumerate(NAMES) if code != left_out]
    own = Rows([str(row) for row in rows], names, known, known, np.ones(len(rows), dtype=np.float32))
    return family.fit(
        own, vectors.inputs(rows), Components(NoLoss(), Natural(), Unmixed(), Unscheduled()), 0, None, Log()
    )


def plain(vectors: Vectors, labels: NDArray[np.int64], left_out: int) -> FittedSimilarity:
    """The same without any training: cosines of standardised features (the map is the identity)."""
    seen = vectors.values[labels != left_out]
    deviation = seen.std(0)
    width = seen.shape[1]
    arrays = {"mean": seen.mean(0), "deviation": np.where(deviation > 0, deviation, np.inf).astype(np.float32)}
    family = Similarity.model_validate({"dimensions": width})
    untaught = FittedSimilarity(family, None, np.ones(1), arrays | {"weight": np.eye(width, dtype=np.float32)})
    others = np.flatnonzero(labels != left_out)
    order = others[np.argsort(labels[others], kind="stable")]
    return untaught.with_known(
        untaught.of_features(vectors.values[order]), np.delete(np.bincount(labels, minlength=len(NAMES)), left_out)
    )


def asked(
    made: FittedSimilarity,
    vectors: Vectors,
    labels: NDArray[np.int64],
    others: Vectors,
    answers: NDArray[np.int64],
    left_out: int,
) -> dict[str, float]:
    """Recall and false alarms by the number of enrolled images, and the equal error rate, of one class."""
    stream = np.random.default_rng(left_out)
    own, truth = np.flatnonzero(labels == left_out), answers == left_out
    shown = others.inputs(np.arange(len(answers)))
    told: dict[str, float] = {}
    for shots in SHOTS:
        drawn = [made.with_class(vectors.inputs(stream.permutation(own)[:shots])) for _ in range(DRAWS)]
        taken = [more.predict(shown).decisions == len(NAMES) - 1 for more in drawn if more is not None]
        told[f"recall, n = {shots}"] = float(np.mean([one[truth].mean() for one in taken]))
        told[f"false alarms, n = {shots}"] = float(np.mean([one[~truth].mean() for one in taken]))
    known = np.where(answers > left_out, answers - 1, answers)[~truth]
    told["accuracy, known"] = float((made.predict(others.inputs(np.flatnonzero(~truth))).decisions == known).mean())
    units = unit_vectors(made.directions(shown))
    groups = np.where(truth, np.arange(len(truth)), len(truth))  # those of other classes make no pairs with each other
    held_out = HeldOut((units @ units.T).clip(-1, 1), truth.astype(np.int64), groups)
    told["equal error"] = Rates.of([held_out]).equal_error().value
    return told


def interval(values: Sequence[float]) -> str:
    """The mean over classes with Student's interval."""
    mean, error = np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5
    half = t.ppf(0.975, len(values) - 1) * error
    return f"{mean:.3f} [{max(0, mean - half):.3f}, {min(1, mean + half):.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for images and their features, which are kept")
    parser.add_argument("--each", type=int, default=100, help="training images a class")
    parser.add_argument("--others", type=int, default=100, help="images a class that are asked")
    wanted = parser.parse_args()
    vectors, labels = features_of(wanted.folder, "train", wanted.each)
    others, answers = features_of(wanted.folder, "t10k", wanted.others)
    print(
        f"{len(labels):,} training images, {len(answers):,} asked; the mean over {len(NAMES)} classes left out in turn"
    )
    for title in ("features alone", *LOSSES):
        told = []
        for left_out in range(len(NAMES)):
            made = (
                fit(vectors, labels, left_out, Similarity.model_validate({"metric_loss": LOSSES[title]}))
                if title in LOSSES
                else plain(vectors, labels, left_out)
            )
            told.append(asked(made, vectors, labels, others, answers, left_out))
        print(f"\n{title}")
        for key in told[0]:
            print(f"  {key:<22}{interval([one[key] for one in told])}", flush=True)


if __name__ == "__main__":
    main()
