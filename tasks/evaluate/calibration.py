"""Whether a strategy's probabilities mean what they say: the reliability table and its summary.

Probabilities are the softmax of the scores after post-hoc rules. A remedy that moves decisions towards rare classes
moves probabilities too: logit-adjusted scores are calibrated for classes of equal size, not for those of the data, and
the table shows it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.evaluate.scored import Scored
from tasks.statistics.bootstrap import Statistic
from tasks.statistics.shares import kish, wilson

BINS = 15
CALIBRATION_ERROR = "expected_calibration_error"  # a metric that only probabilities have
COLUMNS = ["bin_low", "bin_high", "images", "confidence", "accuracy", "low", "high"]
NO_RELIABILITY = pd.DataFrame(columns=COLUMNS, dtype=float)


def calibration_error(scored: Scored) -> Statistic:
    """The expected calibration error: mean gap between confidence and accuracy over bins of confidence.

    Returns
    -------
    Statistic
        Gives `expected_calibration_error` of shape (S, b), in [0, 1].

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017 (15 bins of equal width).
    """
    confidence, correct, bins = _confidence(scored)
    members = [(fit == np.arange(BINS)[:, None]).astype(np.float64) for fit in bins]
    gaps = [member * (sure - right) for member, sure, right in zip(members, confidence, correct, strict=True)]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = weights.astype(np.float64)
        total = weights.sum(axis=0)
        return {CALIBRATION_ERROR: np.stack([np.abs(gap @ weights).sum(axis=0) / total for gap in gaps])}

    return statistic


def reliability(scored: Scored, level: float) -> pd.DataFrame:
    """How often decisions of a given confidence are right.

    Returns
    -------
    pandas.DataFrame
        A row a bin that holds images: `bin_low`, `bin_high`, `images` (mean over the fits), `confidence` (mean largest
        probability), `accuracy` with `low` and `high` (Wilson, Kish's effective number of groups in the bin,
        confidence level `level`).
    """
    confidence, correct, bins = _confidence(scored)
    rows = []
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            images = inside.sum() / scored.fits
            groups = sum(kish(np.bincount(scored.groups[fit])) for fit in inside if fit.any()) / scored.fits
            accuracy = correct[inside].mean()
            # A bin that some fits leave empty can hold less than one group on average.
            low, high = wilson(accuracy, max(groups, 1.0), level)
            edges = {"bin_low": number / BINS, "bin_high": (number + 1) / BINS}
            rows.append(
                {**edges, "images": images, "confidence": confidence[inside].mean(), "accuracy": accuracy}
                | {"low": low, "high": high}
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _confidence(scored: Scored) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Largest probability, whether the decision is right, and the bin: each of shape (S, n)."""
    confidence = scored.probabilities.max(axis=2)
    correct = (scored.decisions == scored.labels).astype(np.float64)
    # Bins are closed on the right, as in the paper, so that a confidence of 1 lies in the last.
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return confidence, correct, bins
