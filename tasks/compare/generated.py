"""Whether generated images are worth having: strategies with them against the same with copies and changed images.

A generator costs minutes and more, a copy nothing. So what has to be shown is not that generated images are better than
none, but that they are better than what is to be had without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tasks.compare.changes import Change, paired_changes
from tasks.compare.wording import between, listed
from tasks.decimals import signed
from tasks.evaluate.scored import Scored
from tasks.goals import Goal
from tasks.params.models import NONE, Evaluate, Params, Strategy

NEARLY = 0.2  # share by which the rows of what is compared may differ, since gates drop some


def worth(
    params: Params,
    scored: Mapping[str, Scored],
    goal: Goal,
    intervals: Evaluate,
    judged: np.ndarray,
    rows: Mapping[str, int],
) -> list[str]:
    """A sentence for each strategy with generated images, in the order of `params.yaml`.

    Parameters
    ----------
    params
        The parameters.
    scored
        Out-of-fold scores of each strategy.
    goal
        By whose metric they are judged.
    intervals
        Confidence level, number of draws and their seed.
    judged
        Which classes are, see `tasks.evaluate.metrics.decision_metrics`.
    rows
        How many rows each recipe has: only what has about as many is compared.
    """
    found, is_any = [], False
    for name, strategy in params.strategies.items():
        if params.recipes[strategy.recipe].synthetic.generator == NONE:
            continue
        is_any = True
        rivals = list(_rivals(params, strategy, rows))
        if rivals:
            changes = paired_changes([scored[rival] for rival in (name, *rivals)], goal, intervals, judged).metric
            against = {rival: _turned(change) for rival, change in zip(rivals, changes, strict=True)}
            found.append(_sentence(name, against, intervals.confidence))
    if is_any and not found:
        return [
            "Whether generated images are worth their price is open: no strategy has as many copies or changed images "
            "in their place (`equipoise preset synthesis` writes such)."
        ]
    return found


def _rivals(params: Params, strategy: Strategy, rows: Mapping[str, int]) -> Iterator[str]:
    """The strategies that differ in the recipe alone, which adds as many images and has none that were generated."""
    for name, other in params.strategies.items():
        recipe = params.recipes[other.recipe]
        adds = recipe.resample.name == "oversample" or recipe.augment.name != NONE
        alike = other.components == strategy.components and other.vote == strategy.vote
        as_many = abs(rows[other.recipe] / rows[strategy.recipe] - 1) <= NEARLY
        if adds and alike and as_many and recipe.synthetic.generator == NONE:
            yield name


def _turned(change: Change) -> Change:
    """What the first has over the second, of what the second has over the first."""
    return Change(-change.value, -change.high, -change.low, change.p_value)


def _sentence(name: str, against: Mapping[str, Change], confidence: float) -> str:
    told = listed([f"{rival} by {signed(one.value)} ({between(one, signed)})" for rival, one in against.items()], 5)
    if all(one.low > 0 for one in against.values()):
        verdict = "Generated images pay here"
    elif any(one.high < 0 for one in against.values()):
        verdict = "Generated images don't pay here"
    else:
        verdict = "Nothing shows that generated images pay here"
    return f"{verdict}: {name} differs from {told}, {100 * confidence:g} % intervals."
