"""What each stage cost when its command last ran in this workspace, in `.equipoise`, which git and DVC ignore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.files import read_json, write_json
from tasks.workspace import STATE


@dataclass(frozen=True)
class Cost:
    """What a stage cost.

    Attributes
    ----------
    seconds
        That it took.
    peak_memory
        The largest resident memory of any one of its processes, bytes; None where it is not known.
    """

    seconds: float
    peak_memory: int | None = None


def costs(root: Path) -> dict[str, Cost]:
    """What each stage cost, by address, as far as it ever ran here."""
    path = root / STATE / "costs.json"
    return costs_of(read_json(path)) if path.exists() else {}


def keep_cost(root: Path, stage: str, cost: Cost) -> None:
    """Keep what a stage cost in place of what is known."""
    write_json(root / STATE / "costs.json", as_json(costs(root) | {stage: cost}))


def as_json(known: Mapping[str, Cost]) -> dict[str, Any]:
    """Costs as a file holds them."""
    return {stage: asdict(cost) for stage, cost in known.items()}


def costs_of(content: Mapping[str, Any]) -> dict[str, Cost]:
    """Costs that a file holds; earlier versions wrote the seconds alone."""
    return {stage: Cost(**one) if isinstance(one, dict) else Cost(one) for stage, one in content.items()}
