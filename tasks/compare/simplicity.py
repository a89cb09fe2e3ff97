"""Which of several strategies is the simplest, where they can't be told apart by what they achieve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.params.models import Ensemble, Strategy

MADE = ("augmented", "mixed", "synthetic")  # origins of rows whose image is in no catalog


def simplest_first(
    strategies: Mapping[str, Strategy],
    class_counts: Mapping[str, Mapping[str, Any]],
    ensembles: Mapping[str, Ensemble] | None = None,
) -> list[str]:
    """Sort strategies by what they need: first few new images, then few training rows, then as `params.yaml` has them.

    Parameters
    ----------
    strategies
        By name, in the order of `params.yaml`.
    class_counts
        By recipe, the balanced set's summary: rows by class and origin under ``after``.
    ensembles
        By name; they come after the strategies, and need what their members need.
    """

    members = {name: one.members for name, one in (ensembles or {}).items()}

    def needs(name: str) -> tuple[int, int]:
        recipes = [strategies[one].recipe for one in members.get(name, [name])]
        new = sum(makes_new(class_counts[recipe]) for recipe in set(recipes))
        rows = (origins.values() for recipe in recipes for origins in class_counts[recipe]["after"].values())
        return new, sum(sum(counts) for counts in rows)

    return sorted([*strategies, *members], key=needs)


def makes_new(counts: Mapping[str, Any]) -> int:
    """How many images of a balanced set are new, from its summary."""
    return sum(origins.get(origin, 0) for origins in counts["after"].values() for origin in MADE)
