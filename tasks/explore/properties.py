"""A property of single images, described a class at a time: quartiles, and how strongly it goes with the class.

A property that goes with the label is a shortcut: a network learns it whether or not it is what the class means, and
fails where it is absent.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.effects import CONFIDENCE, CONSTANT, Effect, effect

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset
    from tasks.explore.picture import Picture

PERCENTILES = {"p5": 5, "q1": 25, "median": 50, "q3": 75, "p95": 95}
TAGS = {"large": "bad", "medium": "warn", "small": "warn", "negligible": "good"}
NAMED = 4  # classes that a sentence names, the most strongly linked first


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
    """

    title: str
    meaning: str
    decimals: int
    logarithmic: bool = False

    def show(self, value: float) -> str:
        """A value as the report shows it."""
        return f"{value:,.{self.decimals}f}"


@dataclass(frozen=True)
class Comparison:
    """One measure over the classes and the parts.

    Attributes
    ----------
    classes
        Percentiles of each class's training images (see `describe`), for classes that have any.
    effects
        How well the measure alone tells each of these classes from the others.
    parts
        Percentiles of the labelled training and test images.
    """

    classes: dict[str, dict[str, float]]
    effects: dict[str, Effect]
    parts: dict[str, dict[str, float]]

    @property
    def constant(self) -> bool:
        """Whether all training images have the same value."""
        return all(one.strength == CONSTANT for one in self.effects.values())


class Property(Check):
    """A check that measures one or more numbers an image and compares the classes in them."""

    measures: ClassVar[dict[str, Measure]]

    @abstractmethod
    def measure(self, picture: Picture) -> dict[str, float]:
        """Measure one image: a number for each name in `measures`."""

    def summarise(self, dataset: Dataset) -> Finding:
        """Percentiles a class and part, and the area under the ROC curve of each class against the rest."""
        compared = {name: compare_classes(dataset, name) for name in self.measures}
        numbers: dict[str, Any] = {
            name: {
                "classes": {
                    label: percentiles | {"effect": asdict(one.effects[label])}
                    for label, percentiles in one.classes.items()
                },
                "parts": one.parts,
            }
            for name, one in compared.items()
        }
        constant = [
            f"{self.measures[name].title.lower()} {self.measures[name].show(one.parts['train']['median'])}"
            for name, one in compared.items()
            if one.constant and one.classes
        ]
        blocks = [_block(self.measures[name], one) for name, one in compared.items() if not one.constant]
        if constant:
            blocks.append(
                Block(text=f"The same for all training images, so of no use to a network: {', '.join(constant)}.")
            )
        watch = [_sentence(self.measures[name], one) for name, one in compared.items()]
        return Finding(numbers, blocks, [sentence for sentence in watch if sentence])


def compare_classes(dataset: Dataset, name: str) -> Comparison:
    """Describe the measure `name` a class and part."""
    labels = dataset.training["label"].to_numpy()
    values = dataset.training[name].to_numpy()
    groups = dataset.training["group"].to_numpy()
    classes = [label for label in dataset.classes if (labels == label).any()]
    by_part = {part: dataset.labelled.loc[dataset.labelled["part"] == part, name] for part in ("train", "test")}
    return Comparison(
        classes={label: describe(values[labels == label]) for label in classes},
        effects={label: effect(values, labels == label, groups) for label in classes},
        parts={part: describe(rows.to_numpy()) for part, rows in by_part.items() if len(rows)},
    )


def describe(values: np.ndarray) -> dict[str, float]:
    """Number of images `n`, and the percentiles 5, 25, 50, 75 and 95 of a measure, as `PERCENTILES` calls them."""
    percentiles = np.percentile(values, list(PERCENTILES.values()))
    return {"n": len(values), **{key: float(value) for key, value in zip(PERCENTILES, percentiles, strict=True)}}


def _block(measure: Measure, compared: Comparison) -> Block:
    from tasks.explore.drawing import draw_classes

    medians = [
        f"{measure.show(numbers['median'])} in the {'training' if part == 'train' else 'test'} part"
        for part, numbers in compared.parts.items()
    ]
    return Block(
        measure.title,
        f"{measure.meaning} The median is {' and '.join(medians)}.",
        draw_classes(measure.title, compared.classes, compared.effects, logarithmic=measure.logarithmic),
        _grid(measure, compared),
    )


def _grid(measure: Measure, compared: Comparison) -> Grid:
    from markupsafe import Markup

    rows = []
    for label, numbers in compared.classes.items():
        one = compared.effects[label]
        interval = Markup('{:.2f} <span class="interval">[{:.2f}, {:.2f}]</span>').format(one.auc, one.low, one.high)
        tag = Markup('<span class="tag {}">{}</span>').format(TAGS.get(one.strength, ""), one.strength)
        quartiles = [measure.show(numbers[key]) for key in ("q1", "median", "q3")]
        rows.append([label, f"{numbers['n']:,}", *quartiles, interval, tag])
    headers = ["class", "training images", "lower quartile", "median", "upper quartile", "AUC against the rest", "link"]
    return Grid(headers, rows)


def _sentence(measure: Measure, compared: Comparison) -> str:
    """What to watch, or nothing."""
    linked = {label: one for label, one in compared.effects.items() if one.shown}
    if not linked:
        return ""
    first = sorted(linked, key=lambda label: (-abs(linked[label].auc - 0.5), label))[:NAMED]
    told = "; ".join(f"{label} {_told(linked[label])}" for label in first)
    more = f"; and {len(linked) - NAMED} more classes" if len(linked) > NAMED else ""
    return (
        f"{measure.title} goes with the class: {told}{more}. Unless it is what makes the class, it is a "
        f"shortcut that a network will learn."
    )


def _told(one: Effect) -> str:
    side = "larger" if one.auc > 0.5 else "smaller"
    share, *ends = (one.auc, one.low, one.high) if one.auc > 0.5 else (1 - one.auc, 1 - one.high, 1 - one.low)
    return (
        f"has a {side} value than another class in {share:.0%} of pairs of images "
        f"({CONFIDENCE:.0%} interval {ends[0]:.0%} to {ends[1]:.0%}: a {one.strength} link or more)"
    )
