"""All that is said of a strategy's out-of-fold scores: decided under the goal, each fold by what the others say."""

from __future__ import annotations

from dataclasses import replace

from tasks.evaluate.deciding import cross_fitted, fold_rules, mix_of, rule_of
from tasks.evaluate.evaluation import Evaluation, evaluate
from tasks.evaluate.metrics import costs_of
from tasks.evaluate.mixes import accuracy_by_mix
from tasks.evaluate.operating import operating_points
from tasks.evaluate.scored import Scored
from tasks.goals import Goal
from tasks.params.models import Evaluate


def out_of_fold(scored: Scored, goal: Goal, settings: Evaluate) -> tuple[Scored, Evaluation]:
    """Decide on the images and evaluate the decisions.

    Parameters
    ----------
    scored
        Out-of-fold scores.
    goal
        What is wanted.
    settings
        Of the section `evaluate`.

    Returns
    -------
    tuple
        The scores with decisions and corrected probabilities; the evaluation, with its rule for new images.
    """
    goal = goal.about(scored.classes[scored.rarest])
    mix = mix_of(settings, scored.classes)
    rule = rule_of(scored, goal, mix)
    rules = fold_rules(scored, rule, mix)
    decided = cross_fitted(scored, rules)
    bootstrap = scored.bootstrap(settings.draws, settings.seed)
    costs = costs_of(goal, scored.classes, mix)
    found = evaluate(decided, bootstrap, settings.confidence, costs=costs, training_images=scored.class_counts)
    return decided, replace(
        found,
        operating=operating_points(scored, rule, rules, settings, bootstrap),
        mixes=accuracy_by_mix(decided, bootstrap, settings.confidence, mix),
        rule=rule,
    )
