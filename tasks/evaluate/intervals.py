"""The interval of each metric.

What is a share of images (a recall, a precision, an accuracy) gets Wilson's with an effective number of images, and so
does what behaves like one: F1 through Jaccard's share, and the areas under the curves. What is a mean of shares over
the classes is put together from theirs. A bootstrap of a handful of groups, or of a class that is found always or
never, shows too little variance, and its percentiles are then too narrow. All else are the bootstrap's percentiles,
with what mistakes would cost that no draw shows (`tasks.evaluate.unseen`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tasks.evaluate.calibration import CALIBRATION_ERROR, CORRECTED, IF_MULTIPLE, OF_PROBABILITIES
from tasks.evaluate.metrics import EXPECTED_COST, SHOTS, shots
from tasks.evaluate.ranking import RECALLS
from tasks.evaluate.scored import Scored
from tasks.evaluate.unseen import costs_of_mistakes, unseen_mistakes
from tasks.goals import COST_AVOIDED, JUDGED
from tasks.statistics.bootstrap import Estimate, percentiles
from tasks.statistics.interval import Interval
from tasks.statistics.inversion import inverted
from tasks.statistics.shares import chosen_bounds, clustered_wilson, correlations, kish, weighted_mean, wilson

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

Found = Mapping[str, Estimate]
Ends = tuple[np.ndarray, np.ndarray]


def metric_intervals(
    found: Found,
    scored: Scored,
    confidence: float,
    judged: np.ndarray | None = None,
    training_images: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Put an interval on each metric.

    ROC-AUC and PR-AUC of the whole are the means over the classes; the worst recall is that of the class that has it.

    Parameters
    ----------
    found
        The metrics, on the data and on each draw.
    scored
        What they are of.
    confidence
        Of each interval, in (0, 1).
    judged, training_images
        See `tasks.evaluate.metrics.decision_metrics`.
    """
    ends = _shares(found, scored, confidence)
    values = {name: one.value for name, one in found.items()}
    for of, means in _means(scored, judged, training_images).items():
        if of in found:
            correlation = correlations(found[of].draws)
            for name, codes in means.items():
                values[name] = found[of].value[codes].mean()
                ends[name] = _mean(found[of].value, ends[of], codes, correlation)
            if of == "recall":
                worst = found[of].value.argmin()
                values["worst_recall"] = found[of].value[worst]
                ends["worst_recall"] = ends[of][0][worst], ends[of][1][worst]
                ends["geometric_mean"] = _geometric_mean(found[of].value, ends[of], correlation)
    for name in [name for name in found if name + IF_MULTIPLE in found]:
        ends[name] = inverted(found[name].value, found[name + IF_MULTIPLE].draws, confidence)
    intervals: dict[str, Interval] = {}
    shown = [f"mean {name}" for name in RANKING] + [*OVERALL, *JUDGING, *MORE, *PER_CLASS]
    unseen = unseen_mistakes(found["accuracy"], float(ends["accuracy"][0]), confidence)
    costs = costs_of_mistakes(scored)
    for name in [name for name in shown if name in values]:
        low, high = ends[name] if name in ends else percentiles(found[name].draws, confidence)
        fall, rise = costs.get(name, (0.0, 0.0))
        low, high = low - unseen * fall, high + unseen * rise
        low = np.maximum(low, 0.0) if name + IF_MULTIPLE in found else low
        key = name.removeprefix("mean ")
        keys = [key] if np.ndim(values[name]) == 0 else [f"{key}.{label}" for label in scored.classes]
        three = zip(keys, np.ravel(values[name]), np.ravel(low), np.ravel(high), strict=True)
        intervals |= {key: Interval(float(value), float(least), float(most)) for key, value, least, most in three}
    return intervals


def _shares(found: Found, scored: Scored, confidence: float) -> dict[str, Ends]:
    """The ends of what is a share of images, or behaves like one."""
    codes = range(len(scored.classes))
    decided, actual = scored.decisions, scored.labels
    rest = np.array([kish(np.bincount(scored.groups[actual != code])) for code in codes])
    fewest = np.minimum(scored.effective_group_counts, rest)
    bounds: dict[str, Ends] = {
        "accuracy": (np.array(kish(np.bincount(scored.groups))), np.array(len(actual))),
        "recall": (scored.effective_group_counts, scored.class_counts),
        "precision": _held([chosen_bounds(scored.groups, decided == code) for code in codes]),
        "f1": _held([chosen_bounds(scored.groups, (decided == code) | (actual == code)) for code in codes]),
        **{name: (fewest, np.full(len(rest), len(actual))) for name in RANKING},
    }
    ends = {}
    for name, (least, most) in bounds.items():
        if name not in found:
            continue
        value, draws = found[name].value, found[name].draws
        if name == "f1":  # Jaccard's share: of the images that are of the class or taken for it, those that are both
            value, draws = value / (2 - value), draws / (2 - draws)
        low, high = clustered_wilson(value, draws, least, most, confidence)
        ends[name] = (2 * low / (1 + low), 2 * high / (1 + high)) if name == "f1" else (low, high)
    return ends


def _held(bounds: list[tuple[float, float]]) -> Ends:
    """Of each class the fewest and the most independent images, each (K,)."""
    least, most = zip(*bounds, strict=True)
    return np.array(least), np.array(most)


def _means(
    scored: Scored, judged: np.ndarray | None, training_images: np.ndarray | None
) -> dict[str, dict[str, np.ndarray]]:
    """By metric of a class the means of it, each with the codes of its classes."""
    every = np.arange(len(scored.classes))
    counted = np.flatnonzero(scored.judged if judged is None else judged)
    of_sizes = {} if training_images is None else shots(training_images)
    return {
        "recall": {
            "balanced_accuracy": every,
            JUDGED + "balanced_accuracy": counted,
            **{f"recall_{name}": codes for name, codes in of_sizes.items()},
        },
        "precision": {"macro_precision": every},
        "f1": {"macro_f1": every, JUDGED + "macro_f1": counted},
        **{name: {f"mean {name}": every} for name in RANKING},
    }


def _mean(values: np.ndarray, ends: Ends, codes: np.ndarray, correlation: np.ndarray) -> Ends:
    chosen = np.ix_(codes, codes)
    weights = np.full(len(codes), 1 / len(codes))
    low, high = weighted_mean(values[codes], ends[0][codes], ends[1][codes], weights, correlation[chosen])
    return np.array(low), np.array(high)


def _geometric_mean(values: np.ndarray, ends: Ends, correlation: np.ndarray) -> Ends:
    """As a mean of logarithms; where a class is never found, at most what all could reach at best."""
    with np.errstate(divide="ignore"):
        logs, low, high = np.log(values), np.log(ends[0]), np.log(ends[1])
    if np.isinf(logs).any():
        return np.array(0.0), np.exp(high.mean())
    least, most = weighted_mean(logs, low, high, np.full(len(logs), 1 / len(logs)), correlation)
    return np.exp(least), np.exp(most)


def curve_intervals(found: Found, scored: Scored, confidence: float) -> pd.DataFrame:
    """The curves with their bands, a row a class and recall.

    A band is the bootstrap's, and no narrower than Wilson's interval with as many independent images as are chosen at
    that recall. From some recall on all images of a class may by luck lie above where a share of others would lie: what
    it costs to find those can't be told, and the band reaches to what choosing all costs.
    """
    columns = {"class": np.repeat(scored.classes, len(RECALLS)), "recall": np.tile(RECALLS, len(scored.classes))}
    own = scored.effective_group_counts[:, None]
    rest = np.array([kish(np.bincount(scored.groups[scored.labels != code])) for code in range(len(own))])[:, None]
    shares = (scored.class_counts / len(scored.labels))[:, None]
    alarms = found["false_positive_rate_at"].value
    trials = {"precision": np.maximum(RECALLS * own + alarms * rest, 1), "false_positive_rate": rest}
    unknown = RECALLS**own > (1 - confidence) / 2
    guessed = RECALLS * shares / (RECALLS * shares + 1 - shares)  # the precision where all of the others are chosen
    for name, number in trials.items():
        one = found[f"{name}_at"]
        low, high = map(np.array, percentiles(one.draws, confidence))
        least, most = wilson(one.value, number, confidence)
        low, high = np.minimum(low, least), np.maximum(high, most)
        if name == "precision":
            low = np.where(unknown, np.minimum(low, guessed), low)
        else:
            high = np.where(unknown, 1.0, high)
        columns |= {name: one.value.ravel(), f"{name}_low": low.ravel(), f"{name}_high": high.ravel()}
    return pd.DataFrame(columns)
