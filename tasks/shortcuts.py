"""What an audit can come to, and the sentences that say so.

``shortcut found`` holds a strategy's verdict back; no other outcome does.
"""

from __future__ import annotations

from typing import Any

from tasks.statistics.interval import Interval

SHORTCUT = "shortcut found"  # the rise is certain to be above the limit
CLEAN = "no shortcut"  # it is certain to be no higher than the limit
UNCLEAR = "can't tell"
NOT_AUDITED = "not audited"
NOTHING = "nothing to audit"


def judge(difference: Interval, limit: float) -> str:
    """What a rise of the share taken for a minority comes to."""
    if difference.low > limit:
        return SHORTCUT
    return CLEAN if difference.high <= limit else UNCLEAR


def without_effect(outcome: str, why: str) -> dict[str, Any]:
    """The record of a strategy the effect on whose predictions is not measured."""
    return {
        "outcome": outcome,
        "reason": f"{outcome}: {why}",
        "untouched": None,
        "changed": None,
        "difference": None,
        "class": None,
        "images": 0,
        "groups": 0,
        "minority": [],
        "probe": {},
        "notes": [],
    }
