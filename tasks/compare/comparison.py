"""Every strategy against the baseline, on the same resampled images and fits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.compare.bets import Bet, Choice, choose
from tasks.compare.changes import Change, paired_changes
from tasks.compare.margin import margin_at
from tasks.compare.verdicts import BASELINE, HELD_BACK, HELPS, UNCLEAR, verdict
from tasks.evaluate.ceiling import Ceiling
from tasks.evaluate.deciding import mix_of
from tasks.evaluate.scored import Scored
from tasks.goals import Goal
from tasks.params.models import Compare, Evaluate
from tasks.statistics.interval import Interval


@dataclass(frozen=True)
class Guarded:
    """The class whose recall no recommended strategy may lower.

    Attributes
    ----------
    label
        The class.
    may_fall
        By how much, as a share of the baseline's recall.
    refused
        The strategies whose recall of it falls further, sorted.
    """

    label: str
    may_fall: float
    refused: list[str]


@dataclass(frozen=True)
class Comparison:
    """What is said of the strategies, out of fold.

    Attributes
    ----------
    class_counts
        Images of each class.
    rarest
        The judged class of the fewest images.
    judged
        The classes that means are over: those that can be measured; all, where no two can.
    not_measurable
        The other classes, each with its number of groups; where no two can be measured, all that can't.
    goal
        What is wanted; strategies are judged by its metric.
    metrics
        Interval by strategy and metric, as the stage `evaluate` found them.
    differences
        Strategy minus baseline in the goal's metric, with intervals that hold for all strategies together; not for the
        baseline itself.
    recall_changes
        Strategy minus baseline in the recall of each class, with intervals that hold for all strategies and classes
        together. Classes that can't be measured are left out.
    verdicts
        By strategy; the baseline's is ``baseline``.
    choice
        The best bet, and what is recommended; None where no two classes can be measured.
    guard
        The class that is guarded, and which strategies lower its recall too far.
    shortcuts
        The strategies whose audit found that traces of augmentation move predictions, sorted.
    ceilings
        By strategy that has features, what the best of all classifiers could reach on them.
    not_blind
        The strategies whose backbone was pretrained on the images of every fold, in their order.
    generated
        Whether generated images are worth having, a sentence a strategy that has some.
    """

    classes: list[str]
    class_counts: dict[str, int]
    rarest: str
    judged: list[str]
    not_measurable: dict[str, int]
    baseline: str
    goal: Goal
    margin: float
    confidence: float
    metrics: dict[str, dict[str, Interval]]
    differences: dict[str, Change]
    recall_changes: dict[str, dict[str, Change]]
    verdicts: dict[str, str]
    choice: Choice | None
    guard: Guarded
    shortcuts: list[str]
    ceilings: dict[str, Ceiling] = field(default_factory=dict)
    not_blind: list[str] = field(default_factory=list)
    generated: list[str] = field(default_factory=list)

    @property
    def ranked(self) -> list[str]:
        """The strategies, best first; equals by name."""
        return _ranked(self.metrics, self.goal.metric)

    def reached(self, name: str) -> Interval:
        """What a strategy reaches in the judged metric."""
        return self.metrics[name][self.goal.metric]

    @property
    def recommended(self) -> str:
        """The strategy to take."""
        return self.choice.recommended if self.choice else self.baseline

    @property
    def peers(self) -> list[str]:
        """Strategies that are as good a bet."""
        return self.choice.peers if self.choice else []

    @property
    def bets(self) -> dict[str, Bet]:
        """What to expect of each strategy but the baseline."""
        return self.choice.bets if self.choice else {}


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
        Out-of-fold scores by strategy, of the same images and fits, decided under the goal.
    metrics
        What the stage `evaluate` found, by strategy and metric.
    settings
        Baseline, goal, margin and guard.
    intervals
        Confidence level, number of draws and their seed.
    simplest_first
        The strategies, see `tasks.compare.simplicity`.
    shortcuts
        The strategies whose audit found a shortcut: they get no verdict but ``held back`` and are not recommended.

    Raises
    ------
    InputError
        The strategies were not fitted equally often, so they can't be paired; or there is no class to be guarded.
    """
    baseline = scored[settings.baseline]
    goal = settings.goal.about(baseline.classes[baseline.rarest])
    others = [name for name in sorted(scored) if name != settings.baseline]
    mix = mix_of(intervals, baseline.classes)
    changes = paired_changes([baseline, *(scored[name] for name in others)], goal, intervals, mix=mix)
    differences = dict(zip(others, changes.metric, strict=True))
    margin = margin_at(metrics[settings.baseline][goal.metric].value, settings.margin)
    can_tell = baseline.can_tell_of(goal.of_class)
    verdicts = {
        name: verdict(change, margin, intervals.confidence) if can_tell else UNCLEAR
        for name, change in differences.items()
    }
    verdicts |= dict.fromkeys(shortcuts, HELD_BACK) | {settings.baseline: BASELINE}
    guard = _guarded(metrics, settings, baseline)
    choice = None
    if can_tell:
        values = np.array([change.value for change in changes.metric])
        refused = {*shortcuts, *guard.refused} - {settings.baseline}
        proved = [name for name in others if verdicts[name] == HELPS]
        seed = intervals.seed
        choice = choose(others, values, changes.draws, settings.baseline, simplest_first, refused, proved, seed)
    counted = baseline.measurable
    return Comparison(
        classes=baseline.classes,
        class_counts=dict(zip(baseline.classes, map(int, baseline.class_counts), strict=True)),
        rarest=baseline.classes[baseline.rarest],
        judged=[label for label, judged in zip(baseline.classes, baseline.judged, strict=True) if judged],
        not_measurable={
            label: int(groups)
            for label, groups, enough in zip(baseline.classes, baseline.group_counts, counted, strict=True)
            if not enough
        },
        baseline=settings.baseline,
        goal=goal,
        margin=margin,
        confidence=intervals.confidence,
        metrics=metrics,
        differences=differences,
        recall_changes=dict(zip(others, changes.recall, strict=True)),
        verdicts=verdicts,
        choice=choice,
        guard=guard,
        shortcuts=sorted(shortcuts),
    )


def _guarded(metrics: Mapping[str, Mapping[str, Interval]], settings: Compare, baseline: Scored) -> Guarded:
    settings.guard.require(baseline.classes)
    label = settings.guard.recall_of or baseline.classes[baseline.rarest]
    recall = {name: of_one[f"recall.{label}"].value for name, of_one in metrics.items()}
    least = recall[settings.baseline] * (1 - settings.guard.may_fall)
    refused = sorted(name for name, reached in recall.items() if reached < least - 1e-12)
    return Guarded(label, settings.guard.may_fall, refused)


def _ranked(metrics: Mapping[str, Mapping[str, Interval]], metric: str) -> list[str]:
    return sorted(metrics, key=lambda name: (-metrics[name][metric].value, name))
