"""One measure over the classes and the parts: percentiles of each class, and how strongly the measure goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.explore.effects import CONSTANT, Effect, effects_by_class

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

PERCENTILES = {"p5": 5, "q1": 25, "median": 50, "q3": 75, "p95": 95}


@dataclass(frozen=True)
class Measure:
    """What is measured.

    Attributes
    ----------
    title
        As the report calls it.
    meaning
        What the number is, its unit and range.
    decimals
        Digits after the point that the report shows.
    logarithmic
        Whether the plot's axis is.
    share
        Whether the number is 0 or 1, so that a class is described by its mean.
    """

    title: str
    meaning: str
    decimals: int
    logarithmic: bool = False
    share: bool = False

    def show(self, value: float) -> str:
        """A value as the report shows it."""
        return f"{value:.1%}" if self.share else f"{value:,.{self.decimals}f}"


@dataclass(frozen=True)
class Comparison:
    """One measure over the classes and the parts.

    Attributes
    ----------
    classes
        Mean and percentiles of each class's training images (see `describe`), for classes that have any.
    effects
        How well the measure alone tells each of these classes from the others.
    parts
        The same of the labelled training and test images.
    """

    classes: dict[str, dict[str, float]]
    effects: dict[str, Effect]
    parts: dict[str, dict[str, float]]

    @property
    def constant(self) -> bool:
        """Whether all training images have the same value."""
        return all(one.strength == CONSTANT for one in self.effects.values())


def compare_classes(dataset: Dataset, name: str, measures: int = 1) -> Comparison:
    """Describe the measure `name`, one of `measures` that are looked at together, a class and part."""
    labels = dataset.training["label"].to_numpy(dtype=str)
    values = dataset.training[name].to_numpy()
    classes = [label for label in dataset.classes if label in dataset.group_counts]
    by_part = {part: dataset.labelled.loc[dataset.labelled["part"] == part, name] for part in ("train", "test")}
    return Comparison(
        classes={label: describe(values[labels == label]) for label in classes},
        effects=effects_by_class(values, labels, dataset.group_counts, measures * len(classes)),
        parts={part: describe(rows.to_numpy()) for part, rows in by_part.items() if len(rows)},
    )


def describe(values: np.ndarray) -> dict[str, float]:
    """Number of images `n`, mean, and percentiles 5, 25, 50, 75 and 95 of a measure, as `PERCENTILES` calls them."""
    percentiles = np.percentile(values, list(PERCENTILES.values())).tolist()
    return {"n": len(values), "mean": float(values.mean()), **dict(zip(PERCENTILES, percentiles, strict=True))}
