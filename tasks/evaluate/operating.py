"""Operating points: where to cut the probability of a class, and what is then found and falsely raised.

A class is then decided for or against by its own probability, whatever that of the others. Each fold is cut where the
other folds say (`tasks.evaluate.deciding`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.evaluate.deciding import FoldRule
from tasks.evaluate.scored import Scored
from tasks.goals import cuts
from tasks.params.models import Evaluate
from tasks.rules import Rule
from tasks.statistics.bootstrap import Bootstrap, Statistic, estimate
from tasks.statistics.shares import chosen_bounds, clustered_wilson, kish

MEASURES = ("recall", "precision", "alarms")
ENDS = ("", "_low", "_high")
NO_POINTS = pd.DataFrame(columns=["class", "wanted", "cutoff", *(name + end for name in MEASURES for end in ENDS)])


def operating_points(
    scored: Scored, rule: Rule, rules: Sequence[FoldRule], settings: Evaluate, bootstrap: Bootstrap
) -> pd.DataFrame:
    """What each class's operating points achieve on images that they were not chosen by.

    Parameters
    ----------
    scored
        Out-of-fold scores.
    rule, rules
        That of all scores, and those of the folds.
    settings
        Which points (`recalls`, `miss_costs`), and the confidence level.
    bootstrap
        Of the images.

    Returns
    -------
    pandas.DataFrame
        A row a class and point: `class`, `wanted` (``recall 0.9``, or ``a miss costs 10 false alarms``), `cutoff` (the
        probability, or anomaly score, from which on the class is decided for, by all scores), and `recall`,
        `precision` and `alarms` (share of all images decided for the class), each with `_low` and `_high`. A point by
        costs needs probabilities.
    """
    miss_costs = settings.miss_costs if scored.has_probabilities else []
    wanted = [f"recall {recall:g}" for recall in settings.recalls]
    wanted += [f"a miss costs {cost:g} false alarms" for cost in miss_costs]
    if not wanted:
        return NO_POINTS.copy()
    classes = range(len(scored.classes))
    positive = [np.broadcast_to(scored.labels == code, scored.decisions.shape) for code in classes]
    evidence = rule.evidence(scored.scores)
    cut = np.array(
        [_cut(evidence[..., code].ravel(), positive[code].ravel(), settings.recalls, miss_costs) for code in classes]
    )
    taken = np.zeros((len(classes), len(wanted), *scored.decisions.shape), dtype=bool)
    for fold in rules:
        of_others, own = fold.rule.evidence(scored.scores[fold.seen]), fold.rule.evidence(scored.scores[fold.own])
        for code in classes:
            cuts_of_others = _cut(of_others[:, code], positive[code][fold.seen], settings.recalls, miss_costs)
            taken[code][:, fold.own] = own[:, code] >= cuts_of_others[:, None]
    found = estimate([_statistic(scored, taken)], bootstrap)[0]
    columns = {
        "class": np.repeat(scored.classes, len(wanted)),
        "wanted": np.tile(wanted, len(classes)),
        "cutoff": (_sigmoid(cut) if scored.has_probabilities else cut).ravel(),
    }
    for name, bounds in _bounds(scored, taken).items():
        low, high = clustered_wilson(found[name].value, found[name].draws, *bounds, settings.confidence)
        three = zip(ENDS, (found[name].value, low, high), strict=True)
        columns |= {name + end: of_end.ravel() for end, of_end in three}
    return pd.DataFrame(columns)


def _cut(evidence: np.ndarray, positive: np.ndarray, recalls: Sequence[float], costs: Sequence[float]) -> np.ndarray:
    """Where to cut log-odds, or another score, of shape (m,): first for each recall, then for each cost of a miss."""
    at, reached, _ = cuts(evidence, positive)
    of_recalls = [at[np.flatnonzero(reached >= recall - 1e-12)[0]] for recall in recalls]
    # p times the cost of a miss is 1 - p, the cost of a false alarm, there; no scores are looked at (Elkan 2001).
    return np.array([*of_recalls, *(-np.log(cost) for cost in costs)])


def _sigmoid(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-np.logaddexp(0, -log_odds)))


def _bounds(scored: Scored, taken: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each of `MEASURES`, between what the number of independent images lies: two of shape (K, P)."""
    shape = taken.shape[:2]
    least, most = (np.broadcast_to(of[:, None], shape) for of in (scored.effective_group_counts, scored.class_counts))
    raised = np.array([[chosen_bounds(scored.groups, point) for point in of_one] for of_one in taken])
    groups, images = np.full(shape, kish(np.bincount(scored.groups))), np.full(shape, len(scored.labels))
    return dict(zip(MEASURES, ((least, most), (raised[..., 0], raised[..., 1]), (groups, images)), strict=True))


def _statistic(scored: Scored, taken: np.ndarray) -> Statistic:
    """Recall, precision and alarms of decisions of shape (K, P, S, n), each of shape (S, K, P, b)."""
    classes, points, fits, images = taken.shape
    decided = np.moveaxis(taken, 2, 0).reshape(fits, classes * points, images).astype(np.float64)
    actual = (scored.labels == np.arange(classes)[:, None]).astype(np.float64)
    own = np.repeat(actual, points, axis=0)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = weights.astype(np.float64)
        raised = np.stack([fit @ weights for fit in decided])
        right = np.stack([(fit * own) @ weights for fit in decided])
        support, total = own @ weights, weights.sum(axis=0)
        with np.errstate(invalid="ignore"):  # a draw without the class has no recall; no alarm, no false one
            recall = np.where(support > 0, right / support, np.nan)
            found = {"recall": recall, "precision": right / np.maximum(raised, 1), "alarms": raised / total}
        return {name: values.reshape(fits, classes, points, -1) for name, values in found.items()}

    return statistic
