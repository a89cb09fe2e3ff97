"""What an audit can come to, and the sentences that say so.

``shortcut found`` holds a strategy's verdict back; no other outcome does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.evaluate.intervals import Interval

SHORTCUT = "shortcut found"  # the rise is certain to be above the limit
CLEAN = "no shortcut"  # it is certain to be no higher than the limit
UNCLEAR = "can't tell"
NOT_AUDITED = "not audited"
NOTHING = "nothing to audit"

# As for verdicts (tasks/compare/verdicts.py): resampling fewer groups says too little of what other groups would show.
FEWEST_GROUPS = 10


def judge(difference: Interval, limit: float) -> str:
    """What a rise of the share taken for a minority comes to."""
    if difference.low > limit:
        return SHORTCUT
    return CLEAN if difference.high <= limit else UNCLEAR


def without_effect(strategies: Sequence[str], outcome: str, why: str) -> dict[str, Any]:
    """The record of a recipe whose effect on predictions is not measured: all of its strategies share the outcome."""
    one = {
        "outcome": outcome,
        "reason": f"{outcome}: {why}",
        "untouched": None,
        "changed": None,
        "difference": None,
    }
    return {
        "outcome": outcome,
        "class": None,
        "images": 0,
        "groups": 0,
        "minority": [],
        "strategies": dict.fromkeys(strategies, one),
        "probe": {},
        "notes": [],
    }
