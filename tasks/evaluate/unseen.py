"""Mistakes that no draw shows, and what they would cost.

Where nearly all decisions are right, a bootstrap of the few mistakes, or of none, shows less of them than there may be
among other images: Wilson's interval of the accuracy allows more. What the mistakes between the two would cost is added
to the intervals of metrics that mistakes move. Where many are wrong it is next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.evaluate.calibration import CALIBRATION_ERROR, CLASSWISE, CORRECTED, log_probabilities
from tasks.evaluate.scored import Scored
from tasks.statistics.bootstrap import Estimate, percentiles


def unseen_mistakes(accuracy: Estimate, low: float, confidence: float) -> float:
    """The share of images that may be decided wrongly though no draw shows it.

    Parameters
    ----------
    accuracy
        Of the decisions.
    low
        The lower end of its interval, Wilson's.
    confidence
        Of both.
    """
    return max(0.0, float(percentiles(accuracy.draws, confidence)[0]) - low)


def costs_of_mistakes(scored: Scored) -> Mapping[str, tuple[float, float]]:
    """By how much metrics fall, and rise, if all decisions become wrong that were right, at most or on average.

    An error of calibration moves by no more than the share of the mistakes, either way, that of two classes by each; a
    Brier score rises by no more than twice as much. The log loss has no bound: the class that was thought second
    likeliest is taken to be the right one. Matthews' correlation is taken to lose what kappa does.
    """
    classes = len(scored.classes)
    found: dict[str, tuple[float, float]] = {}
    for prefix, logs in log_probabilities(scored, ("", CORRECTED)).items():
        second = -float(np.partition(logs, -2, axis=-1)[..., -2].mean())
        moved = {CALIBRATION_ERROR: 1.0, CLASSWISE: 2 / classes, "calibration_error": 1.0}
        found |= {prefix + name: (by, by) for name, by in moved.items()}
        found |= {prefix + name: (0.0, by) for name, by in (("brier", 2.0), ("log_loss", second))}
    chosen = np.stack([np.bincount(fit, minlength=classes) for fit in scored.decisions])
    by_chance = float((chosen @ scored.class_counts).mean()) / len(scored.labels) ** 2
    of_chance = 1 / (1 - by_chance) if by_chance < 1 else 0.0
    return found | dict.fromkeys(("cohens_kappa", "matthews_correlation"), (of_chance, 0.0))
