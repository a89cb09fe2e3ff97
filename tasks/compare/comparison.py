"""Every strategy against the baseline, on the same resampled images and fits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.compare.verdicts import BASELINE, HELD_BACK, HELPS, UNCLEAR, too_small, verdict
from tasks.errors import InputError
from tasks.evaluate.metrics import decision_metrics
from tasks.evaluate.scored import Scored
from tasks.params.models import Compare, Evaluate
from tasks.statistics.bootstrap import estimate
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import Interval
from tasks.statistics.simultaneous import simultaneous


@dataclass(frozen=True)
class Comparison:
    """What is said of the strategies, out of fold.

    Attributes
    ----------
    metrics
        Interval by strategy and metric, as the stage `evaluate` found them.
    differences
        Strategy minus baseline in the metric, with intervals that hold for all strategies together; not for the
        baseline itself.
    recall_changes
        Strategy minus baseline in the recall of each class, with intervals that hold for all strategies and classes
        together. Classes of fewer than `FEWEST_GROUPS` groups are left out.
    verdicts
        By strategy; the baseline's is ``baseline``.
    too_small
        The class that has too few groups for any verdict, if there is one.
    recommended
        The simplest of the strategy that helps most and those that can't be told apart from it; the baseline where none
        helps.
    peers
        The others of them, best first.
    shortcuts
        The strategies whose audit found that traces of augmentation move predictions, sorted.
    """

    classes: list[str]
    rarest: str
    baseline: str
    metric: str
    margin: float
    confidence: float
    metrics: dict[str, dict[str, Interval]]
    differences: dict[str, Interval]
    recall_changes: dict[str, dict[str, Interval]]
    verdicts: dict[str, str]
    too_small: str | None
    recommended: str
    peers: list[str]
    shortcuts: list[str]

    @property
    def ranked(self) -> list[str]:
        """The strategies, best first; equals by name."""
        return _ranked(self.metrics, self.metric)


def compare(
    scored: Mapping[str, Scored],
    metrics: dict[str, dict[str, Interval]],
    settings: Compare,
    intervals: Evaluate,
    simplest_first: Sequence[str],
    shortcuts: Collection[str] = (),
) -> Comparison:
    """Compare every strategy with the baseline.

    Parameters
    ----------
    scored
        Out-of-fold scores by strategy, of the same images and fits.
    metrics
        What the stage `evaluate` found, by strategy and metric.
    settings
        Baseline, metric and margin.
    intervals
        Confidence level, number of draws and their seed.
    simplest_first
        The strategies, see `tasks.compare.simplicity`.
    shortcuts
        The strategies whose audit found a shortcut: they get no verdict but ``held back`` and are not recommended.

    Raises
    ------
    InputError
        The strategies were not fitted equally often, so they can't be paired.
    """
    baseline = scored[settings.baseline]
    others = [name for name in sorted(scored) if name != settings.baseline]
    changes = paired_changes([baseline, *(scored[name] for name in others)], settings.metric, intervals)
    differences = dict(zip(others, changes.metric, strict=True))
    small = too_small(baseline)
    verdicts = {
        name: UNCLEAR if small else verdict(difference, settings.margin) for name, difference in differences.items()
    }
    verdicts |= dict.fromkeys(shortcuts, HELD_BACK) | {settings.baseline: BASELINE}
    helpful = [name for name in _ranked(metrics, settings.metric) if verdicts[name] == HELPS]
    to_best = paired_changes([scored[name] for name in helpful], settings.metric, intervals).metric if helpful else []
    alike = helpful[:1] + [
        name for name, change in zip(helpful[1:], to_best, strict=True) if change.low <= 0 <= change.high
    ]
    recommended = min(alike, key=simplest_first.index, default=settings.baseline)
    counted = baseline.group_counts >= FEWEST_GROUPS
    return Comparison(
        classes=baseline.classes,
        rarest=baseline.classes[baseline.rarest],
        baseline=settings.baseline,
        metric=settings.metric,
        margin=settings.margin,
        confidence=intervals.confidence,
        metrics=metrics,
        differences=differences,
        recall_changes={
            name: {
                label: change
                for label, change, enough in zip(baseline.classes, recalls, counted, strict=True)
                if enough
            }
            for name, recalls in zip(others, changes.recall, strict=True)
        },
        verdicts=verdicts,
        too_small=small,
        recommended=recommended,
        peers=[name for name in alike if name != recommended],
        shortcuts=sorted(shortcuts),
    )


def _ranked(metrics: Mapping[str, Mapping[str, Interval]], metric: str) -> list[str]:
    return sorted(metrics, key=lambda name: (-metrics[name][metric].value, name))


@dataclass(frozen=True)
class Changes:
    """Differences of m strategies to the baseline: in the metric, m intervals; in recall, m lists of K."""

    metric: list[Interval]
    recall: list[list[Interval]]


def paired_changes(scored: list[Scored], metric: str, intervals: Evaluate) -> Changes:
    """Differences of all but the first in `scored` to the first, on the same draws.

    The intervals of the metric hold together, and so do those of all recalls.
    """
    fits = {one.fits for one in scored}
    if len(fits) > 1:
        raise InputError(
            f"strategies were fitted {sorted(fits)} times, so they can't be paired; "
            "`equipoise run --force train` makes them anew"
        )
    if len(scored) == 1:
        return Changes([], [])
    bootstrap = scored[0].bootstrap(intervals.draws, intervals.seed)
    base, *others = estimate([decision_metrics(one) for one in scored], bootstrap)

    def joint(name: str) -> list[Interval]:
        values = np.stack([one[name].value - base[name].value for one in others]).ravel()
        draws = np.stack([one[name].draws - base[name].draws for one in others]).reshape(len(values), -1)
        ends = simultaneous(values, draws, intervals.confidence)
        return [Interval(*map(float, numbers)) for numbers in zip(values, *ends, strict=True)]

    recalls = joint("recall")
    size = len(scored[0].classes)
    return Changes(joint(metric), [recalls[start : start + size] for start in range(0, len(recalls), size)])
