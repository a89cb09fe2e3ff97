"""How far the ceiling can be believed: bounds on simulated classes of which the Bayes error is known.

    python benchmarks/ceiling.py [--datasets 100]

Three Gaussian classes of 400, 120 and 40 rows, one to four a group, whose rows lie near each other; their centres
have the same distance from each other. All that tells them apart lies in two dimensions, the others hold noise only:
as many as there are, the best of all classifiers is right equally often, but neighbours are ever less near. Prints how
often the interval from the lower end of what neighbours reach to the upper end of the ceiling holds what the best
reaches, how often that lies above the interval, and what a linear classifier reaches out of fold.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.statistics.bayes_error import bayes_error

COUNTS = (400, 120, 40)
MOST = 4  # rows a group
SHARED = 0.7  # of the variance, by a group's rows
CENTRES = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])


def dataset(stream: np.random.Generator, distance: float, noise: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, classes and groups of relatives."""
    labels, groups, number = [], [], 0
    for label, count in enumerate(COUNTS):
        left = count
        while left:
            size = min(left, int(stream.integers(1, MOST + 1)))
            labels += [label] * size
            groups += [number] * size
            number, left = number + 1, left - size
    label_of, group_of = np.array(labels), np.array(groups)
    shared = stream.normal(size=(number, 2 + noise))[group_of] * SHARED**0.5
    vectors = shared + stream.normal(size=(len(label_of), 2 + noise)) * (1 - SHARED) ** 0.5
    vectors[:, :2] += distance * CENTRES[label_of]
    return vectors, label_of, group_of


def best(distance: float) -> float:
    """The balanced accuracy of the best of all classifiers: the nearest centre, on a million rows."""
    stream = np.random.default_rng(0)
    points = stream.normal(size=(1_000_000, 2)) + distance * CENTRES[0]
    squares = ((points[:, None] - distance * CENTRES) ** 2).sum(axis=2)
    return float((squares.argmin(axis=1) == 0).mean())


def linear(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """The balanced accuracy of a linear classifier, relatives never apart."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    model = LogisticRegression(class_weight="balanced", max_iter=500)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    return float(balanced_accuracy_score(labels, cross_val_predict(model, vectors, labels, groups=groups, cv=folds)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=100)
    number = parser.parse_args().datasets
    print("                             neighbours reach   ceiling (upper     interval holds   best above   linear")
    print("dimensions  distance   best  nearest    tree    end of interval)   the best         all of it    reaches")
    for noise in (0, 6, 30, 126):
        for distance in (1.0, 2.0, 4.0):
            true = best(distance)
            held = above = 0
            found = []
            for at in range(number):
                vectors, labels, groups = dataset(np.random.default_rng([noise, at]), distance, noise)
                one = bayes_error(vectors, labels, groups, at)
                low, high = 1 - one.upper.high, 1 - one.lower.low
                held += low <= true <= high
                above += true > high
                reached = linear(vectors, labels, groups) if at < 10 else np.nan
                found.append((1 - one.neighbours.value, 1 - one.tree.value, 1 - one.lower.value, high, reached))
            near, tree, ceiling, end, reached = np.nanmean(found, axis=0)
            print(
                f"{2 + noise:10d}  {distance:8.1f}  {true:.3f}    {near:.3f}   {tree:.3f}     {ceiling:.3f} ({end:.3f})"
                f"       {held / number:8.0%}       {above / number:8.0%}      {reached:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
