"""What the audits found, as it bears on the verdicts of strategies.

The outcome ``shortcut found`` holds a verdict back; the others are only shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.errors import InputError
from tasks.files import read_json
from tasks.shortcuts import CLEAN, NOT_AUDITED, NOTHING, SHORTCUT, UNCLEAR
from tasks.statistics.interval import Interval

AUDIT = "audit.json"
WORST_FIRST = (SHORTCUT, UNCLEAR, NOT_AUDITED, CLEAN, NOTHING)


@dataclass(frozen=True)
class Audited:
    """What an audit says of a strategy.

    Attributes
    ----------
    outcome, reason
        See `tasks.shortcuts`; the reason is a sentence.
    untouched, changed, difference
        Share of the audited images that are taken for a minority; None where none were audited.
    probe
        Of each class of the recipe with new images, what tells them from originals (see `tasks.audit.probe`).
    notes
        What the audit does not look at.
    """

    outcome: str
    reason: str
    untouched: Interval | None
    changed: Interval | None
    difference: Interval | None
    probe: dict[str, Any]
    notes: list[str]

    @property
    def holds_back(self) -> bool:
        """Whether the strategy's verdict can't stand."""
        return self.outcome == SHORTCUT

    def as_json(self) -> dict[str, Any]:
        """What the leaderboard holds."""
        difference = self.difference.as_json() if self.difference else None
        return {"outcome": self.outcome, "reason": self.reason, "difference": difference}


def of_members(members: Sequence[str], audits: Mapping[str, Audited]) -> Audited:
    """What is said of an ensemble: the worst of what its members' audits found, since it reads what they read.

    Parameters
    ----------
    members
        Names of strategies.
    audits
        By strategy.
    """
    name = min(members, key=lambda member: WORST_FIRST.index(audits[member].outcome))
    worst = audits[name]
    return worst if worst.outcome == NOTHING else replace(worst, reason=f"{worst.reason} (its member {name})")


def read_audits(folder: Path, strategies: Iterable[str]) -> dict[str, Audited]:
    """Read the audit of each strategy.

    Raises
    ------
    InputError
        An audit is missing.
    """
    audits = {}
    for name in strategies:
        file = folder / name / AUDIT
        if not file.is_file():
            raise InputError(f"{file}: no audit of {name}; `equipoise run audit@{name}` makes it")
        one = read_json(file)
        untouched, changed, difference = (
            Interval(**one[key]) if one[key] else None for key in ("untouched", "changed", "difference")
        )
        audits[name] = Audited(
            one["outcome"], one["reason"], untouched, changed, difference, one["probe"], one["notes"]
        )
    return audits
