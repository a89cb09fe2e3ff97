"""What a second stage does to the recall of each class, as a sentence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.train.rows import Rows

TOLD = 8  # classes that a sentence names, those that change most


def recalls(rows: Rows, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """The share of each class's rows whose largest output is that class's, shape (K,); nan for a class without any."""
    is_right = outputs.argmax(axis=1) == rows.mostly
    classes = len(rows.classes)
    number = np.bincount(rows.mostly, minlength=classes)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.bincount(rows.mostly, is_right, classes) / number
    return found


def recall_note(stage: str, rows: Rows, before: NDArray[np.float32], after: NDArray[np.float32]) -> str:
    """Which classes a model tells better than before, and which it has forgotten, on the rows that it learnt from.

    Parameters
    ----------
    stage
        Name of the second stage.
    rows
        The n rows.
    before, after
        Outputs of shape (n, K).
    """
    was, now = recalls(rows, before), recalls(rows, after)
    order = np.argsort(-np.nan_to_num(np.abs(now - was)), kind="stable")[:TOLD]
    shown = [f"{rows.classes[code]} {was[code]:.2f} to {now[code]:.2f}" for code in sorted(order)]
    others = len(was) - len(shown)
    tail = f" ({others} classes that change less are left out)" if others else ""
    return f"{stage}: recall on its own training rows, before and after: {', '.join(shown)}{tail}"
