"""Training that has run away, so that weights are numbers no more: it ends at once, and what it left is not kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.errors import InputError
from tasks.scores import Scores

REMEDY = "lower its learning_rate, or let it rise more slowly (warm_up), where it has these settings"


def has_diverged(losses: Sequence[float]) -> bool:
    """Whether the last of the losses of the epochs so far is no finite number: nothing that follows will be one."""
    return bool(losses) and not math.isfinite(losses[-1])


def require_finite(scores: Scores, what: str) -> None:
    """Refuse a model by its scores (`InputError`)."""
    if not np.isfinite(scores.values).all():
        raise InputError(f"{what} gives scores that are no numbers: its training has diverged; {REMEDY}")
