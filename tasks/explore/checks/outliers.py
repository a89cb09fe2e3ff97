"""Outliers: images that resemble no other are of the wrong kind, broken where decoders don't notice, or rare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tasks.explore.checks import Block, Check, Finding, Shown
from tasks.statistics.principal_components import principal_components

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

NEIGHBOURS = 5
COMPONENTS = 64  # principal components in which distances are taken
REFERENCES = 10_000  # images that others are compared with
AT_A_TIME = 1_000  # rows of the table of distances that stand in memory
THRESHOLD = 4.0  # robust deviations above the median; of a normal distribution, 3 in 100,000 lie beyond
SHOWN = 16
FEW = 20  # images below which nothing is judged


class Outliers(Check):
    """Distance to the nearest other images in features, relatives left out."""

    name: Literal["outliers"] = "outliers"
    title = "Outliers"
    question = "Which images resemble no other?"
    order = 120

    def summarise(self, dataset: Dataset) -> Finding:
        """Training images that are much farther from their nearest neighbours than others are from theirs."""
        rows = dataset.training
        if rows["group"].nunique() < FEW:
            return Finding(
                {}, [Block("", "There are too few independent training images to judge.")], [], {"outliers": {}}
            )
        ids = rows["image_id"].tolist()
        groups = np.unique(rows["group"].to_numpy(dtype=str), return_inverse=True)[1]
        labels = rows["label"].to_numpy()
        distances = neighbour_distances(dataset.features.take(ids), groups)
        scores = outlier_scores(distances, labels)
        order = [row for row in np.argsort(-scores, kind="stable") if scores[row] > THRESHOLD]
        flags = {ids[row]: float(scores[row]) for row in order}
        by_class = {label: int(sum(labels[row] == label for row in order)) for label in dataset.classes}
        numbers = {"images": len(order), "judged": len(ids), "classes": {k: v for k, v in by_class.items() if v}}
        text = (
            f"{len(order):,} of {len(ids):,} training images lie far from all others: their mean distance to the "
            f"{NEIGHBOURS} nearest images in features, without relatives, is more than {THRESHOLD:.0f} robust "
            f"deviations above the median of all images, and of the images of their own class (on a logarithmic scale)."
        )
        paths = rows["path"].to_numpy()
        shown = [Shown(paths[row], f"{labels[row]} ({scores[row]:.1f})") for row in order[:SHOWN]]
        block = Block("", text, images=[shown] if shown else [])
        return Finding(numbers, [block], [], {"outliers": flags})


def neighbour_distances(features: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Mean distance of each image to its nearest neighbours, shape (n,), at least zero.

    Parameters
    ----------
    features
        Shape (n, d), in an order of chance: with more than `REFERENCES` rows, the first are the neighbours.
    groups
        Shape (n,), integers: relatives are no neighbours of each other.
    """

    values = principal_components(features, COMPONENTS)(features)
    references, of_references = values[:REFERENCES], groups[:REFERENCES]
    squares = (references**2).sum(axis=1)
    distances = np.empty(len(values))
    for start in range(0, len(values), AT_A_TIME):
        part = values[start : start + AT_A_TIME]
        table = (part**2).sum(axis=1)[:, None] + squares - 2 * part @ references.T
        table[groups[start : start + AT_A_TIME, None] == of_references] = np.inf
        nearest = np.sqrt(np.maximum(np.partition(table, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS], 0))
        distances[start : start + AT_A_TIME] = nearest.mean(axis=1)
    return distances


def outlier_scores(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many robust deviations each distance lies above the median, shape (n,).

    The smaller of two numbers: among all images, and among those of the image's class. So neither a varied class nor
    an even one is full of outliers. A class of fewer than `FEW` images is compared with all only.
    """
    logs = np.log(np.maximum(distances, 1e-6 * np.median(distances) + 1e-12))
    scores = _robust(logs)
    for label in np.unique(labels):
        members = labels == label
        if members.sum() >= FEW:
            scores[members] = np.minimum(scores[members], _robust(logs[members]))
    return scores


def _robust(values: np.ndarray) -> np.ndarray:
    middle = np.median(values)
    deviation = 1.4826 * np.median(np.abs(values - middle))  # that of a normal distribution
    scores: np.ndarray = (values - middle) / deviation if deviation > 0 else np.zeros(len(values))
    return scores
