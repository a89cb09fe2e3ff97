"""Common objects: which of ImageNet's classes the backbone sees in the images of each class.

The backbone's own classifier, applied to the stored features: no image is opened and nothing is fetched.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.explore.checks import Block, Check, Finding, Grid

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

LISTED = 5  # concepts a class
AT_A_TIME = 2_000  # images whose probabilities stand in memory


class Concepts(Check):
    """The most frequent ImageNet classes by class, and those that set a class apart."""

    name: Literal["concepts"] = "concepts"
    title = "Common objects"
    question = "What does a network trained on everyday photos see in the images of each class?"
    order = 110
    number = 8

    def summarise(self, dataset: Dataset) -> Finding:
        """Mean probability of ImageNet's classes over the training images of each class."""
        from tasks.features.backbones import Backbone
        from tasks.registry import components

        chosen = components("tasks.features.backbones").get(dataset.backbone)
        backbone = chosen() if chosen else None
        head = backbone.imagenet_classifier() if isinstance(backbone, Backbone) else None
        if head is None:
            return Finding({}, [Block("", "The features come from a backbone without a classifier for ImageNet.")])
        by_class, sure = mean_probabilities(dataset, *head)
        overall = np.mean(list(by_class.values()), axis=0)
        names = imagenet_names()
        classes = {}
        for label, means in by_class.items():
            lift = means - overall
            classes[label] = {
                "top": {names[c]: float(means[c]) for c in np.argsort(-means, kind="stable")[:LISTED]},
                "more_than_others": {
                    names[c]: float(lift[c]) for c in np.argsort(-lift, kind="stable")[:LISTED] if lift[c] > 0
                },
            }
        numbers: dict[str, Any] = {"classes": classes, "mean_top_probability": sure}
        text = (
            "The backbone's own classifier for ImageNet, on the stored features: mean probabilities over the training "
            "images of a class. It names one of 1,000 everyday things for every image, whether there or not, finds no "
            "places, and counts nothing: these are no detections, and of X-rays or textures they say what the network "
            f"takes them for, no more. On average it gives its first choice {sure:.0%}; below about half, "
            "read nothing into the names."
        )
        rows = [[label, _told(one["top"]), _told(one["more_than_others"], "+")] for label, one in classes.items()]
        grid = Grid(["class", "most probable", "more than in the other classes"], rows, frozenset({1, 2}))
        return Finding(numbers, [Block("", text, None, grid)])


def mean_probabilities(dataset: Dataset, weights: np.ndarray, bias: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    """The mean over each class's training images of the classifier's probabilities, and of the largest of them.

    Parameters
    ----------
    weights, bias
        See `tasks.features.backbones.Backbone.imagenet_classifier`.
    """
    from scipy.special import softmax

    rows = dataset.training
    means: dict[str, np.ndarray] = {}
    largest = 0.0
    for label in dataset.classes:
        ids = rows.loc[rows["label"] == label, "image_id"].tolist()
        total = np.zeros(len(bias))
        for start in range(0, len(ids), AT_A_TIME):
            found = softmax(dataset.features.take(ids[start : start + AT_A_TIME]) @ weights.T + bias, axis=1)
            total += found.sum(axis=0, dtype=np.float64)
            largest += float(found.max(axis=1).sum(dtype=np.float64))
        if ids:
            means[label] = total / len(ids)
    return means, largest / max(1, len(rows))


@cache
def imagenet_names() -> list[str]:
    """The 1,000 classes of ImageNet (ILSVRC 2012) in their order, each by the first of its WordNet lemmas."""
    return Path(__file__).parents[1].joinpath("imagenet.txt").read_text(encoding="utf-8").splitlines()


def _told(shares: dict[str, float], sign: str = "") -> str:
    return ", ".join(f"{name} {sign}{share:.1%}" for name, share in shares.items())
