"""How alike the images of a class are in a property of several numbers, such as a colour or the direction of light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.explore.checks import Block, Finding, Grid
from tasks.statistics.bootstrap import drawn_groups, percentiles
from tasks.statistics.groups import FEWEST_GROUPS, groups_by_class
from tasks.statistics.interval import CONFIDENCE

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

RESAMPLES = 400
ALIKE = 0.5  # a class whose spread is surely below this share of the rest's is told
SHOWN = 24  # classes in the report, the most alike first
NAMED = 4


@dataclass(frozen=True)
class Spread:
    """How far the images of a class lie from each other.

    Attributes
    ----------
    images
        How many there are.
    spread
        Root mean squared distance from their mean.
    ratio, low, high
        That over the same of all other classes' images, with its interval; None where there are too few groups of
        relatives, no other images, or no spread to compare with.
    """

    images: int
    spread: float
    ratio: float | None
    low: float | None
    high: float | None


def spreads(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int = 0) -> dict[str, Spread]:
    """How far each class spreads, and how that compares with the rest.

    Parameters
    ----------
    vectors
        Shape (n, d).
    labels
        Shape (n,), the classes.
    groups
        Shape (n,): relatives share a group. The interval is a percentile bootstrap over groups.
    seed
        Of the bootstrap.
    """
    classes, label_of = np.unique(labels.astype(str), return_inverse=True)
    names, group_of = np.unique(groups.astype(str), return_inverse=True)
    centred = vectors - vectors.mean(axis=0)  # keeps the sums of squares small beside what they differ by
    moments = np.column_stack([np.ones(len(vectors)), centred, (centred**2).sum(axis=1)])

    def deviations(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spread of each class and of its rest, each group counted `weights` times."""
        weighted = moments * weights[group_of, None]
        sums = np.column_stack([np.bincount(label_of, column, len(classes)) for column in weighted.T])
        return _deviation(sums), _deviation(sums.sum(axis=0) - sums)

    inside, outside = deviations(np.ones(len(names)))
    drawn = [_ratio(*deviations(weights)) for weights in drawn_groups(len(names), RESAMPLES, seed)]
    ratio = _ratio(inside, outside)
    n_groups = groups_by_class(label_of, group_of, len(classes))
    told = (n_groups >= FEWEST_GROUPS) & (len(names) - n_groups >= FEWEST_GROUPS) & np.isfinite(ratio)
    low, high = np.full((2, len(classes)), np.nan)
    if told.any():
        low[told], high[told] = percentiles(np.array(drawn)[:, told].T, CONFIDENCE)
    found = {}
    for row, label in enumerate(classes):
        ends = (float(ratio[row]), float(low[row]), float(high[row])) if told[row] else (None, None, None)
        found[str(label)] = Spread(int((label_of == row).sum()), float(inside[row]), *ends)
    return found


def _deviation(sums: np.ndarray) -> np.ndarray:
    """Root mean squared distance from the mean, of sums of ones, of values and of squares; nan without rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / sums[:, :1]
        return np.asarray(np.sqrt(np.maximum(means[:, -1] - (means[:, 1:-1] ** 2).sum(axis=1), 0)))


def _ratio(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(outside > 1e-9, inside / outside, np.nan)


def compare_spreads(dataset: Dataset, columns: Sequence[str], what: str, noun: str) -> Finding:
    """How alike the images of each class are in some measures together.

    Parameters
    ----------
    dataset
        Whose training images are compared.
    columns
        The measures, on one scale.
    what, noun
        What they are together, and what people call it.
    """
    rows = dataset.training
    if rows.empty or np.ptp(rows[list(columns)].to_numpy(), axis=0).max() < 1e-9:
        return Finding({}, [])
    found = spreads(rows[list(columns)].to_numpy(), rows["label"].to_numpy(), rows["group"].to_numpy())
    ordered = sorted(found, key=lambda label: (found[label].ratio is None, found[label].ratio or 0.0, label))
    grid = Grid(
        ["class", "training images", "spread", "against the rest"],
        [[label, f"{found[label].images:,}", f"{found[label].spread:.3g}", _told(found[label])] for label in ordered],
    )
    cut = f" The {SHOWN} most alike of {len(ordered)}; all stand in explore.json." if len(ordered) > SHOWN else ""
    text = (
        f"How far the {what} spreads among the images of a class, over how far it spreads among those of all other "
        f"classes: below 1 the class is more alike in it than the rest.{cut}"
    )
    block = Block(f"Alike within a class: {what}", text, grid=Grid(grid.headers, grid.rows[:SHOWN]))
    alike = [label for label in ordered if found[label].high is not None and (found[label].high or 0) < ALIKE]
    watch = []
    if alike:
        names = "; ".join(f"{label} {_told(found[label])}" for label in alike[:NAMED])
        more = f"; and {len(alike) - NAMED} more" if len(alike) > NAMED else ""
        watch = [
            f"Images of these classes are alike in the {what}, measured by its spread against that of the others: "
            f"{names}{more}. If they were taken in one place or session, a network may learn the {noun}."
        ]
    return Finding({label: asdict(one) for label, one in found.items()}, [block], watch)


def _told(one: Spread) -> str:
    return "too few groups" if one.ratio is None else f"{one.ratio:.2f} [{one.low:.2f}, {one.high:.2f}]"
