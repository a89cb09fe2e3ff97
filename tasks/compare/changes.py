"""Differences of strategies to one of them, on the same resampled images and fits, and what is proved of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.errors import InputError
from tasks.evaluate.metrics import costs_of, decision_metrics
from tasks.evaluate.scored import Scored
from tasks.goals import Goal
from tasks.params.models import Evaluate
from tasks.statistics.bootstrap import Estimate, estimate
from tasks.statistics.interval import Interval
from tasks.statistics.simultaneous import simultaneous
from tasks.statistics.stepwise import stepwise_p_values

EDGE = 1e-12  # of a level, so that rounding decides nothing


@dataclass(frozen=True)
class Change(Interval):
    """A difference with an interval that holds together with those of its family.

    Attributes
    ----------
    p_value
        Of no difference, adjusted for its family (`tasks.statistics.stepwise`).
    """

    p_value: float

    def is_proved(self, confidence: float) -> bool:
        """Whether there is a difference at all, at this level for the whole family.

        The first step of the stepwise test is that of the intervals; where a draw at the edge parts them, they decide.
        """
        return self.p_value <= 1 - confidence + EDGE or self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Changes:
    """Differences of m strategies to another.

    Attributes
    ----------
    metric
        In the judged metric, m of them, which are a family.
    draws
        Shape (m, B): the same on each bootstrap draw.
    recall
        In the recall of each class that can be measured, by class, m of them, all of which are a family.
    """

    metric: list[Change]
    draws: np.ndarray
    recall: list[dict[str, Change]]


def paired_changes(
    scored: list[Scored],
    goal: Goal,
    intervals: Evaluate,
    judged: np.ndarray | None = None,
    mix: np.ndarray | None = None,
) -> Changes:
    """Differences of all but the first in `scored` to the first, on the same draws.

    Parameters
    ----------
    scored
        Scores of the same images and fits.
    goal
        By whose metric they are judged.
    intervals
        Confidence level, number of draws and their seed.
    judged
        See `tasks.evaluate.metrics.decision_metrics`.
    mix
        See `tasks.evaluate.metrics.Costs`.

    Raises
    ------
    InputError
        The strategies were not fitted equally often, so they can't be paired; one whose seeds vote is paired with each
        seed of the others.
    """
    scored = _as_often(scored)
    fits = {one.fits for one in scored}
    if len(fits) > 1:
        raise InputError(
            f"strategies were fitted {sorted(fits)} times, so they can't be paired; "
            "`equipoise run --force train` makes them anew"
        )
    if len(scored) == 1:
        return Changes([], np.empty((0, intervals.draws)), [])
    bootstrap = scored[0].bootstrap(intervals.draws, intervals.seed)
    costs = costs_of(goal, scored[0].classes, mix)
    base, *others = estimate([decision_metrics(one, judged, costs) for one in scored], bootstrap)
    of_goal = [_judged(one, goal, scored[0].classes) for one in (base, *others)]
    values, draws = _differences(of_goal[1:], of_goal[0])
    shown = np.flatnonzero(scored[0].measurable)
    recalls: list[dict[str, Change]] = [{} for _ in others]
    if len(shown):
        ends = _differences([_chosen(one["recall"], shown) for one in others], _chosen(base["recall"], shown))
        found = _together(*ends, intervals.confidence)
        labels = [scored[0].classes[code] for code in shown]
        for at, row in enumerate(recalls):
            row |= dict(zip(labels, found[at * len(shown) : (at + 1) * len(shown)], strict=True))
    return Changes(_together(values, draws, intervals.confidence), draws, recalls)


def _as_often(scored: list[Scored]) -> list[Scored]:
    """With those that have one fit a repeat, since their seeds vote, as often as the others have seeds."""
    most = max(one.fits for one in scored)
    return [
        one.repeated(most // one.fits) if one.fits == one.repeats and most % one.fits == 0 else one for one in scored
    ]


def _judged(found: dict[str, Estimate], goal: Goal, classes: list[str]) -> Estimate:
    """What a goal is judged by; for that of a class, of this class."""
    name = goal.metric.partition(".")[0]
    return found[name] if goal.of_class is None else _chosen(found[name], np.array(classes.index(goal.of_class)))


def _chosen(one: Estimate, codes: np.ndarray) -> Estimate:
    """Those of an estimate a class that have these codes."""
    return Estimate(one.value[codes], one.draws[codes])


def _differences(others: list[Estimate], base: Estimate) -> tuple[np.ndarray, np.ndarray]:
    """Of all numbers in a row, shape (n,), and on each draw, shape (n, B)."""
    values = np.stack([one.value - base.value for one in others]).ravel()
    draws = np.stack([one.draws - base.draws for one in others]).reshape(len(values), -1)
    return values, draws


def _together(values: np.ndarray, draws: np.ndarray, confidence: float) -> list[Change]:
    """Differences as one family.

    What only the stepwise test proves has an interval that ends at 0, so that the two don't contradict each other
    (bounds that fit a stepwise test: Strassburger and Bretz, Statistics in Medicine 27, 2008).
    """
    low, high = simultaneous(values, draws, confidence)
    p_values = stepwise_p_values(values, draws)
    proved = p_values <= 1 - confidence + EDGE
    low = np.where(proved & (values > 0), np.maximum(low, 0.0), low)
    high = np.where(proved & (values < 0), np.minimum(high, 0.0), high)
    return [Change(*map(float, numbers)) for numbers in zip(values, low, high, p_values, strict=True)]
