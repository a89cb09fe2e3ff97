"""Whether a strategy's probabilities mean what they say: scores of probabilities, and the reliability table.

Told twice: of the probabilities *as given*, the softmax of the scores after post-hoc rules, and of the *corrected* ones
(`tasks.calibration`, each fold by the others). A remedy that moves decisions towards rare classes moves probabilities
too: logit-adjusted scores are calibrated for classes of equal size, not for those of the data. The correction takes
that away.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks import scores
from tasks.evaluate.scored import Scored
from tasks.statistics.bootstrap import Statistic
from tasks.statistics.shares import kish, wilson

BINS = 15
CALIBRATION_ERROR = "expected_calibration_error"  # a metric that only probabilities have
CLASSWISE = "classwise_calibration_error"
CORRECTED = "corrected_"  # before the name of a metric of corrected probabilities
AS_GIVEN, AS_CORRECTED = "as given", "corrected"
OF_PROBABILITIES = ("log_loss", "brier", CALIBRATION_ERROR, CLASSWISE)
COLUMNS = ["probabilities", "bin_low", "bin_high", "images", "confidence", "accuracy", "low", "high"]
NO_RELIABILITY = pd.DataFrame(columns=COLUMNS).astype(dict.fromkeys(COLUMNS[1:], "float64"))


def probability_metrics(scored: Scored) -> list[Statistic]:
    """Scores of the probabilities as given and, under names with `CORRECTED` before them, of the corrected ones.

    Returns
    -------
    list of Statistic
        Each gives `log_loss` (natural logarithm, an image), `brier` (squared errors summed over the classes, an image),
        `expected_calibration_error` and `classwise_calibration_error`, each of shape (S, b), and `calibration_error`
        of shape (S, K, b). Empty where scores are no probabilities.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017 (15 bins of equal width);
    a class at a time, over all images: Kull et al., Beyond temperature scaling, NeurIPS 2019.
    """
    return [_of(logs, scored.labels, prefix) for prefix, logs in _states(scored, ("", CORRECTED)).items()]


def _states(scored: Scored, names: tuple[str, str]) -> dict[str, np.ndarray]:
    """Log-probabilities as given and corrected, where there are such, by the names for the two."""
    if not scored.has_probabilities:
        return {}
    states = {names[0]: scores.log_probabilities(scored.scores, scored.kind)}
    return states if scored.corrected is None else states | {names[1]: scored.corrected}


def _of(logs: np.ndarray, labels: np.ndarray, prefix: str) -> Statistic:
    probabilities = np.exp(logs)
    images, classes = len(labels), logs.shape[-1]
    truth = np.eye(classes)[labels]
    losses = -logs[:, np.arange(images), labels]
    squares = ((probabilities - truth) ** 2).sum(axis=-1)
    confidence, right = _confidence(logs, labels)
    sure = [_gaps(one[:, None], of_one[:, None]) for one, of_one in zip(confidence, right, strict=True)]
    each_class = [_gaps(fit, truth) for fit in probabilities]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = weights.astype(np.float64)
        total = weights.sum(axis=0)
        of_class = np.stack([np.abs(gaps @ weights).reshape(classes, BINS, -1).sum(axis=1) for gaps in each_class])
        found = {
            "log_loss": (losses @ weights) / total,
            "brier": (squares @ weights) / total,
            CALIBRATION_ERROR: np.stack([np.abs(gaps @ weights).sum(axis=0) for gaps in sure]) / total,
            CLASSWISE: of_class.mean(axis=1) / total,
            "calibration_error": of_class / total,
        }
        return {prefix + name: values for name, values in found.items()}

    return statistic


def _gaps(said: np.ndarray, true: np.ndarray) -> Any:
    """What is said less what is true, both of shape (n, k), as a sparse (k * BINS, n): each in the row of its bin."""
    from scipy.sparse import coo_array

    images, kinds = said.shape
    rows = _bins(said) + BINS * np.arange(kinds)
    columns = np.broadcast_to(np.arange(images)[:, None], said.shape)
    gaps: Any = coo_array(((said - true).ravel(), (rows.ravel(), columns.ravel())), (kinds * BINS, images)).tocsr()
    return gaps


def reliability(scored: Scored, level: float) -> pd.DataFrame:
    """How often the likeliest class is the right one, by how probable it is said to be.

    Returns
    -------
    pandas.DataFrame
        A row a state (`probabilities`: ``as given``, ``corrected``) and bin that holds images: `bin_low`, `bin_high`,
        `images` (mean over the fits), `confidence` (mean largest probability), `accuracy` with `low` and `high`
        (Wilson, Kish's effective number of groups in the bin, confidence level `level`). Empty where scores are no
        probabilities.
    """
    rows = []
    for state, logs in _states(scored, (AS_GIVEN, AS_CORRECTED)).items():
        confidence, correct = _confidence(logs, scored.labels)
        bins = _bins(confidence)
        for number in np.unique(bins):
            inside = bins == number
            groups = sum(kish(np.bincount(scored.groups[fit])) for fit in inside if fit.any()) / scored.fits
            accuracy = correct[inside].mean()
            # A bin that some fits leave empty can hold less than one group on average.
            low, high = wilson(accuracy, max(groups, 1.0), level)
            rows.append(
                {
                    "probabilities": state,
                    "bin_low": number / BINS,
                    "bin_high": (number + 1) / BINS,
                    "images": inside.sum() / scored.fits,
                    "confidence": confidence[inside].mean(),
                    "accuracy": accuracy,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS) if rows else NO_RELIABILITY


def _confidence(logs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest probability, and whether that class is the right one: each of shape (S, n)."""
    return np.exp(logs.max(axis=-1)), (logs.argmax(axis=-1) == labels).astype(np.float64)


def _bins(probabilities: np.ndarray) -> np.ndarray:
    """Numbers of the bins, which are closed on the right, as in the paper, so that a 1 lies in the last."""
    return np.asarray(np.clip(np.ceil(probabilities * BINS).astype(int) - 1, 0, BINS - 1))
