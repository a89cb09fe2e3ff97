"""How numbers and names read in sentences and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from tasks.decimals import decimal, signed, signed_end
from tasks.params.models import IDLE, NONE
from tasks.statistics.interval import Interval


def between(interval: Interval, number: Callable[[float], str] = decimal) -> str:
    """The ends of an interval in words; those of a difference show on which side of 0 they lie."""
    number = signed_end if number is signed else number
    return f"{number(interval.low)} to {number(interval.high)}"


def at_level(interval: Interval, confidence: float, number: Callable[[float], str] = decimal) -> str:
    """The ends of an interval with its confidence level, as it stands in a sentence."""
    return f"{100 * confidence:g} % interval {between(interval, number)}"


def listed(names: Sequence[str], most: int = 3, joint: str = "and") -> str:
    """Names in a sentence, `joint` before the last; of more than `most` the first of them and how many others."""
    shown = list(names) if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} others"]
    return f" {joint} ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def made_of(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """What a strategy is made of, in a line.

    Parameters
    ----------
    row, rows
        Of the leaderboard: the strategy's, and all. What does nothing is left out, and a family or backbone that all
        have.
    """
    if row.get("members"):
        return f"{listed(row['members'])} together"
    several = {key: len({other[key] for other in rows}) > 1 for key in ("family", "backbone")}
    said = {"sampler": "{} sampling", "schedule": "{} schedule", "posthoc": "{} afterwards"}
    words = [
        row["family"] if several["family"] else "",
        f"on {row['backbone']}" if several["backbone"] and row["backbone"] != NONE else "",
        row["recipe"],
        *(said.get(key, "{}").format(row[key]) for key, idle in IDLE.items() if row[key] != idle),
    ]
    return " · ".join(filter(None, words))


def breakable(name: str) -> Markup:
    """A name, escaped, that a narrow column may break after an underscore."""
    return escape(name).replace("_", Markup("_<wbr>"))
