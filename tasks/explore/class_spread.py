"""How alike the images of a class are in a property of several numbers, such as a colour or the direction of light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from tasks.explore.checks import Block, Finding, Grid
from tasks.statistics.spread import Spread, spreads

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

ALIKE = 0.5  # a class whose spread is surely below this share of the rest's is told
SHOWN = 24  # classes in the report, the most alike first
NAMED = 4


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
