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
from tasks.statistics.inversion import MULTIPLES, possible_parts
from tasks.statistics.shares import kish, wilson

BINS = 15
CALIBRATION_ERROR = "expected_calibration_error"  # a metric that only probabilities have
CLASSWISE = "classwise_calibration_error"
IF_MULTIPLE = "_if_multiple"  # behind the name of a calibration error: as it would be measured
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
        of shape (S, K, b). The calibration errors come with what `tasks.statistics.inversion` needs for an interval, as
        names with `IF_MULTIPLE` behind them and two axes (2, L) more. Empty where scores are no probabilities.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017 (15 bins of equal width);
    a class at a time, over all images: Kull et al., Beyond temperature scaling, NeurIPS 2019.
    """
    return [_of(logs, scored, prefix) for prefix, logs in log_probabilities(scored, ("", CORRECTED)).items()]


def log_probabilities(scored: Scored, names: tuple[str, str]) -> dict[str, np.ndarray]:
    """Log-probabilities as given and corrected, where there are such, by the names for the two."""
    if not scored.has_probabilities:
        return {}
    states = {names[0]: scores.log_probabilities(scored.scores, scored.kind)}
    return states if scored.corrected is None else states | {names[1]: scored.corrected}


def _of(logs: np.ndarray, scored: Scored, prefix: str) -> Statistic:
    probabilities, labels = np.exp(logs), scored.labels
    images, classes = len(labels), logs.shape[-1]
    truth = np.eye(classes)[labels]
    losses = -logs[:, np.arange(images), labels]
    squares = ((probabilities - truth) ** 2).sum(axis=-1)
    confidence, right = _confidence(logs, labels)
    both = zip(confidence, right, strict=True)
    sure = [_Gaps(one[:, None], of_one[:, None], scored.groups) for one, of_one in both]
    each_class = [_Gaps(fit, truth, scored.groups) for fit in probabilities]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = weights.astype(np.float64)
        total = weights.sum(axis=0)
        overall, of_class = ([gaps(weights) for gaps in of_fits] for of_fits in (sure, each_class))
        errors, errors_if = (np.stack([fit[at] for fit in of_class]) for at in (0, 1))
        found = {
            "log_loss": (losses @ weights) / total,
            "brier": (squares @ weights) / total,
            CALIBRATION_ERROR: np.stack([error[0] for error, _ in overall]),
            CALIBRATION_ERROR + IF_MULTIPLE: np.stack([error_if[0] for _, error_if in overall]),
            CLASSWISE: errors.mean(axis=1),
            CLASSWISE + IF_MULTIPLE: errors_if.mean(axis=1),
            "calibration_error": errors,
            "calibration_error" + IF_MULTIPLE: errors_if,
        }
        return {prefix + name: values for name, values in found.items()}

    return statistic


class _Gaps:
    """What is said less what is true, in bins of what is said.

    Parameters
    ----------
    said, true
        Shape (n, k).
    groups
        Shape (n,).
    """

    def __init__(self, said: np.ndarray, true: np.ndarray, groups: np.ndarray) -> None:
        from scipy.sparse import coo_array

        images, self.kinds = said.shape
        rows = (_bins(said) + BINS * np.arange(self.kinds)).ravel()
        columns = np.broadcast_to(np.arange(images)[:, None], said.shape).ravel()
        gaps, shape = (said - true).ravel(), (self.kinds * BINS, images)
        self.gaps: Any = coo_array((gaps, (rows, columns)), shape).tocsr()  # each in the row of its bin
        of_groups: Any = coo_array((gaps, (rows, groups[columns])), (shape[0], groups.max() + 1)).tocsr()
        self.measured = self._by_kind(self.gaps @ np.ones((images, 1)) / images)
        variances = self._by_kind((of_groups.power(2) @ np.ones((of_groups.shape[1], 1))) / images**2)
        self.possible = possible_parts(self.measured[..., 0], variances[..., 0])[..., None]

    def __call__(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The calibration errors under `weights`, shape (k, b), and as they would be measured, (k, 2, L, b)."""
        drawn = self._by_kind(self.gaps @ weights) / weights.sum(axis=0)
        noise = drawn - self.measured
        were = [np.abs(multiple * self.possible + noise).sum(axis=2) for multiple in MULTIPLES]
        return np.abs(drawn).sum(axis=1), np.moveaxis(np.array(were), 2, 0).swapaxes(1, 2)

    def _by_kind(self, values: np.ndarray) -> np.ndarray:
        """Shape (k, BINS, b)."""
        return values.reshape(self.kinds, BINS, -1)


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
    for state, logs in log_probabilities(scored, (AS_GIVEN, AS_CORRECTED)).items():
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
