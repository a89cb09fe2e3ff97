"""All that is said of one strategy: metrics, confusion matrix, curves and reliability, each with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.evaluate.calibration import probability_metrics, reliability
from tasks.evaluate.intervals import curve_intervals, metric_intervals
from tasks.evaluate.metrics import Costs, confusion_counts, decision_metrics
from tasks.evaluate.mixes import NO_MIXES
from tasks.evaluate.operating import NO_POINTS
from tasks.evaluate.ranking import ranking_metrics
from tasks.evaluate.scored import Scored
from tasks.rules import Rule
from tasks.statistics.bootstrap import Bootstrap, estimate
from tasks.statistics.interval import Interval
from tasks.statistics.shares import wilson


@dataclass(frozen=True)
class Evaluation:
    """What one strategy achieves on one part of the data.

    Attributes
    ----------
    classes
        The class names, in the order of the tables.
    metrics
        Interval by metric name; metrics of a class are named ``recall.<class>`` and so on.
    confusion
        A row a pair of classes: `actual`, `predicted`, `count` (mean over the fits), `share` of the actual class with
        `low` and `high`.
    curves
        A row a class and recall: `class`, `recall`, `precision` and `false_positive_rate`, each with `_low` and
        `_high`.
    reliability
        See `tasks.evaluate.calibration.reliability`; empty, and no calibration error among the metrics, where scores
        are no probabilities.
    decisions
        A row an image under the first fit: `actual`, `predicted`.
    operating, mixes
        See `tasks.evaluate.operating` and `tasks.evaluate.mixes`; empty for the test part.
    rule
        How new scores are read; None for the test part.
    """

    classes: list[str]
    metrics: dict[str, Interval]
    confusion: pd.DataFrame
    curves: pd.DataFrame
    reliability: pd.DataFrame
    decisions: pd.DataFrame
    operating: pd.DataFrame = field(default_factory=NO_POINTS.copy)
    mixes: pd.DataFrame = field(default_factory=NO_MIXES.copy)
    rule: Rule | None = None


def evaluate(
    scored: Scored,
    bootstrap: Bootstrap,
    confidence: float,
    judged: np.ndarray | None = None,
    costs: Costs | None = None,
    training_images: np.ndarray | None = None,
) -> Evaluation:
    """Evaluate one strategy.

    Parameters
    ----------
    scored
        Its scores on one part of the data.
    bootstrap
        Of that part.
    confidence
        Confidence level of every interval, in (0, 1).
    judged, costs, training_images
        See `decision_metrics`.
    """
    decisions = decision_metrics(scored, judged, costs, training_images)
    statistics = [decisions, ranking_metrics(scored), *probability_metrics(scored)]
    found = {name: one for of_one in estimate(statistics, bootstrap) for name, one in of_one.items()}
    names = np.array(scored.classes)
    return Evaluation(
        classes=scored.classes,
        metrics=metric_intervals(found, scored, confidence, judged, training_images),
        confusion=_confusion(scored, confidence),
        curves=curve_intervals(found, scored, confidence),
        reliability=reliability(scored, confidence),
        decisions=pd.DataFrame({"actual": names[scored.labels], "predicted": names[scored.decisions[0]]}),
    )


def _confusion(scored: Scored, confidence: float) -> pd.DataFrame:
    counts = confusion_counts(scored)
    shares = counts / counts.sum(axis=1, keepdims=True)
    low, high = wilson(shares, scored.effective_group_counts[:, None], confidence)
    actual, predicted = np.meshgrid(scored.classes, scored.classes, indexing="ij")
    columns = {"actual": actual, "predicted": predicted, "count": counts, "share": shares, "low": low, "high": high}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})
