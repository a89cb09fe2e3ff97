"""What the recommendation does to each class: the rows of the report's first picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.compare.changes import Change
from tasks.compare.comparison import Comparison
from tasks.compare.verdicts import HELD_BACK
from tasks.statistics.interval import Interval

SHOWN = 12  # classes at most, so that the first screen holds the picture
RAREST = 6  # of them that are shown for being rare; the others for how much they change


@dataclass(frozen=True)
class Row:
    """A class.

    Attributes
    ----------
    label, images, groups
        Its name, and how many there are in the training part.
    before
        Recall under the baseline.
    after
        Recall under the other strategy; None where there is none.
    change
        What is certain of the difference; None where there is no other strategy or the class can't be measured.
    proved
        Whether there certainly is one.
    is_measurable
        Whether the class has groups enough.
    """

    label: str
    images: int
    groups: int
    before: Interval
    after: Interval | None
    change: Change | None
    proved: bool
    is_measurable: bool


@dataclass(frozen=True)
class BeforeAfter:
    """The picture.

    Attributes
    ----------
    other
        The strategy that is set against the baseline: the recommended one; where the baseline is recommended, the one
        that promises most, though it may not be taken; empty where none promises anything.
    is_taken
        Whether it is recommended.
    rows
        The rarest class first.
    others
        How many classes are not among them.
    """

    other: str
    is_taken: bool
    rows: list[Row]
    others: int


def before_after(
    found: Comparison, rarest_first: Sequence[str], images: dict[str, int], groups: dict[str, int]
) -> BeforeAfter:
    """Choose what is shown.

    Parameters
    ----------
    found
        The comparison.
    rarest_first
        The classes.
    images, groups
        How many each has in the training part.
    """
    other = found.recommended if found.recommended != found.baseline else _promising(found)
    base = found.metrics[found.baseline]
    rows = []
    for label in rarest_first:
        key = f"recall.{label}"
        change = found.recall_changes[other].get(label) if other else None
        rows.append(
            Row(
                label=label,
                images=images[label],
                groups=groups[label],
                before=base[key],
                after=found.metrics[other][key] if other else None,
                change=change,
                proved=change is not None and change.is_proved(found.confidence),
                is_measurable=label not in found.not_measurable,
            )
        )
    shown = _shown(rows)
    return BeforeAfter(other, other == found.recommended, shown, len(rows) - len(shown))


def _promising(found: Comparison) -> str:
    """The strategy of the largest gain to expect, whatever keeps it from being taken; empty where none has any."""
    gains = {name: bet.gain for name, bet in found.bets.items() if bet.gain > 0 and found.verdicts[name] != HELD_BACK}
    return max(gains, key=gains.__getitem__, default="")


def _shown(rows: list[Row]) -> list[Row]:
    """All rows, or the rarest and those that change most, proved changes before others."""
    if len(rows) <= SHOWN:
        return rows
    rest = sorted(rows[RAREST:], key=lambda row: (not row.proved, -abs(row.change.value if row.change else 0.0)))
    chosen = {row.label for row in [*rows[:RAREST], *rest[: SHOWN - RAREST]]}
    return [row for row in rows if row.label in chosen]
