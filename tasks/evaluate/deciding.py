"""Decisions and probabilities of out-of-fold scores, by rules that have not seen the images they decide on.

Each fold's images are decided by a rule that was fitted to the scores of the other folds, so that what is said of
corrected probabilities and moved decisions is as honest as what is said of scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.evaluate.scored import Scored
from tasks.goals import Goal
from tasks.params.models import Evaluate
from tasks.rules import Rule


def rule_of(scored: Scored, goal: Goal, mix: np.ndarray | None = None) -> Rule:
    """The rule fitted to all scores: for images that are not among them."""
    return _fitted(scored, np.ones_like(scored.decisions, dtype=bool), goal, mix)


@dataclass(frozen=True, eq=False)
class FoldRule:
    """The rule of one fold of one cross-validation.

    Attributes
    ----------
    rule
        Fitted to the scores of the other folds.
    own, seen
        Shape (S, n): the scores of the fold, and those that the rule was fitted to.
    """

    rule: Rule
    own: np.ndarray
    seen: np.ndarray


def fold_rules(scored: Scored, rule: Rule, mix: np.ndarray | None = None) -> list[FoldRule]:
    """A rule a fold, fitted to the other folds of the same cross-validation.

    Parameters
    ----------
    scored
        Out-of-fold scores.
    rule
        That of all scores, whose goal is taken.
    mix
        See `Rule.fit`.
    """
    if scored.folds is None:
        raise ValueError("scores of one part can't be cross-fitted: they come without folds")
    found = []
    repeats, repeat_of = np.unique(scored.folds, axis=0, return_inverse=True)
    for repeat, folds in enumerate(repeats):
        fits = (repeat_of.ravel() == repeat)[:, None]
        for fold in np.unique(folds):
            own, seen = fits & (folds == fold), fits & (folds != fold)
            found.append(FoldRule(_fitted(scored, seen, rule.goal, mix), own, seen))
    return found


def cross_fitted(scored: Scored, rules: Sequence[FoldRule]) -> Scored:
    """Decide on each image, and correct its probabilities, by the rule of its fold."""
    decided = np.empty_like(scored.decisions)
    has_probabilities = all(one.rule.calibration is not None for one in rules)
    corrected = np.empty_like(scored.scores) if has_probabilities else None
    for one in rules:
        values = scored.scores[one.own]
        decided[one.own] = one.rule.decide(values)
        logs = one.rule.of_data().log_probabilities(values)
        if corrected is not None and logs is not None:
            corrected[one.own] = logs
    return replace(scored, decided=decided, corrected=corrected)


def decided_by(scored: Scored, rule: Rule) -> Scored:
    """Decide by a rule that was fitted elsewhere, as for the test part."""
    values = scored.scores
    return replace(scored, decided=rule.decide(values), corrected=rule.of_data().log_probabilities(values))


def mix_of(settings: Evaluate, classes: Sequence[str]) -> np.ndarray | None:
    """The class shares that ``evaluate.mix`` states, shape (K,); None where it states none.

    Raises
    ------
    InputError
        It doesn't name just the classes that there are.
    """
    settings.require(classes)
    if not settings.mix:
        return None
    mix = np.array([settings.mix[label] for label in classes])
    return np.asarray(mix / mix.sum())


def _fitted(scored: Scored, seen: np.ndarray, goal: Goal, mix: np.ndarray | None) -> Rule:
    """A rule fitted to the scores that `seen`, shape (S, n), marks."""
    labels = np.broadcast_to(scored.labels, seen.shape)[seen]
    return Rule.fit(scored.scores[seen], labels, scored.classes, scored.kind, goal, mix)
