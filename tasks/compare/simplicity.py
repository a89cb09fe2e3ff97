"""Which of several strategies is the simplest, where they can't be told apart by what they achieve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.params.models import Strategy

MADE = ("augmented", "mixed", "synthetic")  # origins of rows whose image is in no catalog


def simplest_first(strategies: Mapping[str, Strategy], class_counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sort strategies by what they need: first few new images, then few training rows, then as `params.yaml` has them.

    Parameters
    ----------
    strategies
        By name, in the order of `params.yaml`.
    class_counts
        By recipe, the balanced set's summary: rows by class and origin under ``after``.
    """

    def needs(name: str) -> tuple[int, int]:
        counts = class_counts[strategies[name].recipe]
        return makes_new(counts), sum(sum(origins.values()) for origins in counts["after"].values())

    return sorted(strategies, key=needs)


def makes_new(counts: Mapping[str, Any]) -> int:
    """How many images of a balanced set are new, from its summary."""
    return sum(origins.get(origin, 0) for origins in counts["after"].values() for origin in MADE)
