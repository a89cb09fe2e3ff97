"""All that is said of one strategy: metrics, confusion matrix, curves and reliability, each with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.evaluate.calibration import (
    CALIBRATION_ERROR,
    CORRECTED,
    OF_PROBABILITIES,
    probability_metrics,
    reliability,
)
from tasks.evaluate.metrics import EXPECTED_COST, SHOTS, Costs, confusion_counts, decision_metrics
from tasks.evaluate.mixes import NO_MIXES
from tasks.evaluate.operating import NO_POINTS
from tasks.evaluate.ranking import RECALLS, ranking_metrics
from tasks.evaluate.scored import Scored
from tasks.goals import COST_AVOIDED, JUDGED
from tasks.rules import Rule
from tasks.statistics.bootstrap import Bootstrap, Estimate, estimate, percentiles
from tasks.statistics.interval import Interval
from tasks.statistics.shares import chosen_bounds, effective_trials, kish, wilson

# The metrics of the whole that summaries and `dvc metrics show` list; accuracy never without the majority's share.
OVERALL = ("accuracy", "majority_share", "balanced_accuracy", "macro_precision", "macro_f1", CALIBRATION_ERROR)
JUDGING = (JUDGED + "balanced_accuracy", JUDGED + "macro_f1", EXPECTED_COST, COST_AVOIDED)
MORE = (
    "geometric_mean",
    "worst_recall",
    "matthews_correlation",
    "cohens_kappa",
    *(f"recall_{name}" for name in SHOTS),
    *(prefix + name for prefix in ("", CORRECTED) for name in OF_PROBABILITIES if prefix + name not in OVERALL),
)
RANKING = ("roc_auc", "pr_auc")
PER_CLASS = ("recall", "precision", "f1", *RANKING, "calibration_error", CORRECTED + "calibration_error")


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
        metrics=metric_intervals(found, scored, confidence),
        confusion=_confusion(scored, confidence),
        curves=_curves(found, scored.classes, confidence),
        reliability=reliability(scored, confidence),
        decisions=pd.DataFrame({"actual": names[scored.labels], "predicted": names[scored.decisions[0]]}),
    )


def metric_intervals(found: dict[str, Estimate], scored: Scored, confidence: float) -> dict[str, Interval]:
    """Put an interval on each metric.

    Proportions (accuracy, recall and precision of a class) get Wilson's interval with the effective number of images;
    all others the bootstrap's percentiles. ROC-AUC and PR-AUC of the whole are the means over the classes.
    """
    bounds = {
        "accuracy": (np.array(kish(np.bincount(scored.groups))), np.array(len(scored.labels))),
        "recall": (scored.effective_group_counts, scored.class_counts),
        "precision": _decided(scored),
    }
    trials = {name: effective_trials(found[name].value, found[name].draws, *ends) for name, ends in bounds.items()}
    means = [
        (name, Estimate(found[name].value.mean(axis=0), np.nanmean(found[name].draws, axis=0)))
        for name in RANKING
        if name in found
    ]
    intervals: dict[str, Interval] = {}
    for name, one in means + [(name, found[name]) for name in (*OVERALL, *JUDGING, *MORE, *PER_CLASS) if name in found]:
        low, high = (
            wilson(one.value, trials[name], confidence) if name in trials else percentiles(one.draws, confidence)
        )
        keys = [name] if one.value.ndim == 0 else [f"{name}.{label}" for label in scored.classes]
        ends = zip(keys, np.ravel(one.value), np.ravel(low), np.ravel(high), strict=True)
        intervals |= {key: Interval(float(value), float(least), float(most)) for key, value, least, most in ends}
    return intervals


def _decided(scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """Of the images decided for each class, Kish's number of groups and how many: each (K,), means over the fits."""
    codes = range(len(scored.classes))
    groups, images = zip(*(chosen_bounds(scored.groups, scored.decisions == code) for code in codes), strict=True)
    return np.array(groups), np.array(images)


def _confusion(scored: Scored, confidence: float) -> pd.DataFrame:
    counts = confusion_counts(scored)
    shares = counts / counts.sum(axis=1, keepdims=True)
    low, high = wilson(shares, scored.effective_group_counts[:, None], confidence)
    actual, predicted = np.meshgrid(scored.classes, scored.classes, indexing="ij")
    columns = {"actual": actual, "predicted": predicted, "count": counts, "share": shares, "low": low, "high": high}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def _curves(found: dict[str, Estimate], classes: list[str], confidence: float) -> pd.DataFrame:
    columns = {"class": np.repeat(classes, len(RECALLS)), "recall": np.tile(RECALLS, len(classes))}
    for name in ("precision", "false_positive_rate"):
        one = found[f"{name}_at"]
        low, high = percentiles(one.draws, confidence)
        columns |= {name: one.value.ravel(), f"{name}_low": low.ravel(), f"{name}_high": high.ravel()}
    return pd.DataFrame(columns)
