"""The held-out confirmation: the test part, scored for the baseline and the recommended strategy only.

The recommendation is the best of many, and the best of many looks better than it is (the winner's curse). The test part
took no part in this ranking, so what it says of the two is fair, as long as nobody keeps choosing by it: that is why
every look is logged and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.compare.changes import paired_changes
from tasks.compare.comparison import Comparison
from tasks.compare.wording import at_level, listed
from tasks.decimals import decimal, signed
from tasks.evaluate.deciding import mix_of
from tasks.evaluate.evaluation import Evaluation, evaluate
from tasks.evaluate.metrics import costs_of
from tasks.evaluate.scored import Scored
from tasks.params.models import Evaluate
from tasks.statistics.interval import Interval

CONFIRMED = "a gain confirmed"  # that there is one, not how large it is


@dataclass(frozen=True)
class Confirmation:
    """What the test part says of the baseline and the recommendation.

    Attributes
    ----------
    images
        Number of held-out images.
    rarest_images
        How many of them are of the rarest class.
    evaluations
        By strategy: the baseline, and the recommendation where it is another.
    difference
        Recommendation minus baseline in the metric; None where they are the same.
    outcome
        ``a gain confirmed``, ``not contradicted``, ``not confirmed``, ``contradicted``, ``too few independent images of
        <class> to tell`` (several may be named) or ``nothing to confirm``.
    """

    images: int
    rarest_images: int
    evaluations: dict[str, Evaluation]
    difference: Interval | None
    outcome: str
    sentence: str


def confirm(held_out: Mapping[str, Scored], comparison: Comparison, intervals: Evaluate) -> Confirmation:
    """Score the test part.

    Parameters
    ----------
    held_out
        Scores of the test part of the baseline and the recommendation, and of no other, decided by the rules of their
        out-of-fold scores.
    comparison
        What was found out of fold.
    intervals
        Confidence level, number of draws and their seed.
    """
    base, chosen, goal = comparison.baseline, comparison.recommended, comparison.goal
    enough = held_out[base].measurable & np.isin(comparison.classes, comparison.judged)
    small = [label for label, counted in zip(comparison.classes, enough, strict=True) if not counted]
    judged = enough if enough.sum() > 1 else np.isin(comparison.classes, comparison.judged)
    mix = mix_of(intervals, comparison.classes)
    costs = costs_of(goal, comparison.classes, mix)
    level = intervals.confidence
    draws, seed = intervals.draws, intervals.seed
    evaluations = {
        name: evaluate(one, one.bootstrap(draws, seed), level, judged, costs) for name, one in held_out.items()
    }
    difference = None
    if chosen != base:
        difference = paired_changes([held_out[base], held_out[chosen]], goal, intervals, judged, mix).metric[0]
    images = len(held_out[base].image_ids)
    needed = goal.of_class or comparison.rarest
    can_tell = enough.sum() > 1 and needed not in small
    outcome = _outcome(difference, [] if can_tell else small)
    reached = evaluations[base].metrics[goal.metric]
    label = goal.label
    if goal.of_class is None and small and enough.sum() > 1:
        label += (
            " of the others"
            if not can_tell and difference
            else f", without {listed(small)} (too few independent images),"
        )
    if difference is None:
        sentence = (
            f"The baseline is recommended, so there is nothing to confirm; on {images:,} held-out images {base} "
            f"reaches {label} {decimal(reached.value)} ({at_level(reached, level)})."
        )
    else:
        sentence = (
            f"{outcome[0].upper()}{outcome[1:]}: on {images:,} held-out images {chosen} changes {label} by "
            f"{signed(difference.value)} against {base} ({at_level(difference, level, signed)})."
        )
    return Confirmation(
        images=images,
        rarest_images=int(held_out[base].class_counts[comparison.classes.index(comparison.rarest)]),
        evaluations=evaluations,
        difference=difference,
        outcome=outcome,
        sentence=sentence,
    )


def _outcome(difference: Interval | None, small: Sequence[str]) -> str:
    if difference is None:
        return "nothing to confirm"
    if small:
        return f"too few independent images of {listed(small)} to tell"
    if difference.low > 0:
        return CONFIRMED
    if difference.high < 0:
        return "contradicted"
    return "not contradicted" if difference.value > 0 else "not confirmed"
