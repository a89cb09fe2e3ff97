"""What to do next: which images would settle what is open, and which remedy to try, each with the line to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from tasks.compare.comparison import Comparison
from tasks.compare.verdicts import HELPS, UNCLEAR
from tasks.compare.wording import listed
from tasks.decimals import decimal, signed
from tasks.evaluate.scored import Scored
from tasks.params.editing import on_one_line
from tasks.params.models import Params, Strategy
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.power import detectable_mean_difference, fewest_more

MOST = 3  # steps: who is told ten things does none
OUT_OF_REACH = 10  # times as many images: nobody collects them to prove one gain
GOOD_ENOUGH = 0.95  # of the judged metric: from here on the images are not what holds it back
DEAR = 0.9  # of the baseline's precision or accuracy: what leaves less has its price
FINE = 224  # pixels a side: what backbones were trained with
ADD = "equipoise add FOLDER"


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes
    ----------
    sentence
        What, and why.
    command
        The line to type, if there is one; in capitals what is the reader's to fill in.
    """

    sentence: str
    command: str = ""

    def as_json(self) -> dict[str, str]:
        """Both, under the names that all reports use."""
        return {"sentence": self.sentence, "command": self.command}


def next_steps(
    found: Comparison,
    base: Scored,
    params: Params,
    image_side: float,
    more: Sequence[Step] = (),
) -> list[Step]:
    """Up to `MOST` things to do, what helps most first.

    Parameters
    ----------
    found
        The comparison.
    base
        The baseline's out-of-fold scores: how many images and groups there are.
    params
        What was tried.
    image_side
        Pixels of the shorter side of half of the images, at least.
    more
        What else is known, such as how far the best reachable is; it comes after the images that are lacking.
    """
    steps = [
        *_images(found, base),
        *more,
        *_backbone(found, params, image_side),
        *_milder(found, params.strategies),
        *_untried(found, params),
        *_use(found),
    ]
    return steps[:MOST]


def lacking(groups: Mapping[str, int], wanted: int) -> str:
    """The fewest groups that make so many further classes measurable, and of which.

    Parameters
    ----------
    groups
        The classes that can't be measured, each with its number of groups.
    wanted
        How many of them are to be.

    Examples
    --------
    >>> lacking({"rust": 6, "scab": 6, "rot": 2}, 1), lacking({"rust": 6, "scab": 3}, 2)
    ('4 of rust or scab', '4 of rust and 7 of scab')
    """
    lack = {label: FEWEST_GROUPS - number for label, number in groups.items()}
    last = sorted(lack.values())[wanted - 1]
    sure = [label for label, number in lack.items() if number < last]
    tied = [label for label, number in lack.items() if number == last]
    if len(sure) + len(tied) == wanted:
        return listed([f"{lack[label]} of {label}" for label in sorted([*sure, *tied], key=lack.__getitem__)])
    told = [f"{lack[label]} of {label}" for label in sure]
    left = wanted - len(sure)
    one_of = f"{last} of {listed(tied, joint='or')}" if left == 1 else f"{last} each of {left} of {listed(tied)}"
    return listed([*told, one_of])


def lacking_for_a_verdict(found: Comparison) -> str:
    """What there must be more of before there is any verdict: of the goal's own class, else of one or two."""
    if found.goal.of_class in found.not_measurable:
        return lacking({found.goal.of_class: found.not_measurable[found.goal.of_class]}, 1)
    return lacking(found.not_measurable, 2 - (len(found.classes) - len(found.not_measurable)))


def _images(found: Comparison, base: Scored) -> Iterator[Step]:
    """Which images would settle what is open."""
    if not found.differences:
        return
    if found.choice is None:
        many = lacking_for_a_verdict(found)
        yield Step(f"Add what a first verdict lacks: {many}, no relatives of the images that there are.", ADD)
        return
    yield from _proof(found, base)
    if found.not_measurable:
        which = "is" if len(found.not_measurable) == 1 else "are"
        many = lacking(found.not_measurable, len(found.not_measurable))
        names = listed(list(found.not_measurable))
        yield Step(f"{names} {which} in no verdict: add {many}, no relatives of each other or of those there are.", ADD)


def _proof(found: Comparison, base: Scored) -> Iterator[Step]:
    """How many more images would let the most promising gain be proved."""
    name = _promising(found)
    if name is None:
        return
    gain = max(found.bets[name].gain, found.margin)
    small = " (the smallest that matters)" if gain > found.bets[name].gain else ""
    goal = f"To prove a gain of {signed(gain)} {found.goal.after_number}{small} with {name}"
    level, tests = 1 - found.confidence, len(found.differences)
    judged = np.flatnonzero(np.isin(base.classes, [found.goal.of_class] if found.goal.of_class else found.judged))
    groups = [int(number) for number in base.group_counts[judged]]
    unit = "images" if groups == [int(number) for number in base.class_counts[judged]] else "groups of related images"
    shares = _shares(found, name, [base.classes[code] for code in judged], groups, level / tests)
    if (times := (detectable_mean_difference(groups, shares, tests, level=level) / gain) ** 2) > OUT_OF_REACH:
        yield Step(f"{goal} takes {times:,.0f} times as many images of every class: look for a larger gain instead.")
        return
    more = fewest_more(groups, shares, gain, tests, level=level)
    needed = sorted(zip(more, groups, judged, strict=True), key=lambda one: -one[0])
    told = [f"{_rounded(extra):,} of {base.classes[code]} (now {now:,})" for extra, now, code in needed if extra]
    if told:
        others = f" and fewer of {len(told) - 2} others" if len(told) > 3 else ""
        which = f"{', '.join(told[:2])}{others}" if others else listed(told)
        yield Step(f"{goal} takes about so many more {unit}: {which}.", ADD)


def _shares(found: Comparison, name: str, classes: Sequence[str], groups: Sequence[int], level: float) -> list[float]:
    """What share of each class's groups a strategy answers differently than the baseline, for `tasks.statistics.power`.

    Not counted but told by the bootstrap, which knows what relatives and the luck of training amount to: the interval
    of the difference says how much there is in all, those of the recalls how the classes share it.
    """
    own = found.recall_changes[name]
    widths = np.array([own[label].high - own[label].low if label in own else 0.0 for label in classes])
    whole = found.differences[name].high - found.differences[name].low
    error = whole / (2 * NormalDist().inv_cdf(1 - level / 2))  # of the mean
    parts = widths**2 / max((widths**2).sum(), 1e-12)
    return [float(share) for share in parts * (error * len(classes)) ** 2 * np.array(groups)]


def _promising(found: Comparison) -> str | None:
    """The strategy whose gain is worth proving: the recommended one, else the best bet that may be taken."""
    open_to = [
        name
        for name, bet in found.bets.items()
        if found.verdicts[name] == UNCLEAR and bet.gain > 0 and name not in found.guard.refused
    ]
    if found.recommended != found.baseline:
        return found.recommended if found.recommended in open_to else None
    return max(open_to, key=lambda name: found.bets[name].gain, default=None)


def _rounded(number: int) -> int:
    """A number of images to two digits, upwards: the formula knows no more."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // unit) * unit


def _backbone(found: Comparison, params: Params, image_side: float) -> Iterator[Step]:
    """A finer look at the images, where no remedy is proved to help and there is much to be won."""
    reached = found.reached(found.baseline).value
    if not found.differences or _is_settled(found) or reached >= GOOD_ENOUGH:
        return
    key = params.strategies[found.baseline].family.backbone
    size = params.backbones[key].image_size if key in params.backbones else FINE
    finer = int(min(FINE, image_side))
    if finer >= 1.25 * size:
        yield Step(
            f"Show the backbone more: the images have {image_side:,.0f} pixels a side and it sees {size}; "
            f"{found.baseline} reaches {decimal(reached)}, and no remedy finds what the features have lost.",
            _run_with(f"backbones.{key}.image_size={finer}"),
        )
    elif found.goal.name == "balanced_accuracy" and found.reached(found.baseline).low <= 1 / len(found.classes):
        yield Step(
            "Look at what the images of each class have in common, and at their labels.", "equipoise explore --open"
        )


def _milder(found: Comparison, strategies: Mapping[str, Strategy]) -> Iterator[Step]:
    """What is recommended may cost less: with a goal that says how much, or in a milder form."""
    name, guarded = found.recommended, found.guard.label
    if name == found.baseline or found.goal.corrected:  # such a goal moves decisions itself
        return
    before, after = found.metrics[found.baseline], found.metrics[name]
    costs = {f"precision.{guarded}": f"the precision of {guarded}", "accuracy": "accuracy"}
    worst = min(costs, key=lambda key: after[key].value / max(before[key].value, 1e-9))
    if after[worst].value > DEAR * before[worst].value:
        return
    cost = f"{name} takes {costs[worst]} from {decimal(before[worst].value)} to {decimal(after[worst].value)}"
    if worst != "accuracy":
        of = {} if guarded == found.rarest else {"of": guarded}
        between = (before[worst].value + after[worst].value) / 2
        wanted = {"name": "recall_at_precision", **of, "precision": min(0.99, max(0.01, round(between, 2)))}
        yield Step(
            f"{cost}: if these are too many false alarms, make it the goal how many are right, here half-way between.",
            _set_goal(wanted),
        )
    elif name in strategies and (assignment := _half(strategies[name])):
        yield Step(f"{cost}: a milder form may cost less.", _run_with(f"strategies.{name}.{assignment}"))
    elif found.goal.name == "balanced_accuracy":
        yield Step(
            f"{cost}: if all images count alike, make a goal that sees false alarms.", _set_goal({"name": "macro_f1"})
        )


def _set_goal(goal: dict[str, Any]) -> str:
    return _run_with(f"compare.goal={on_one_line(goal)}")


def _run_with(assignment: str) -> str:
    """The line that runs with another setting, as a shell takes it."""
    return f"equipoise run --set {shlex.quote(assignment)}"


def _is_settled(found: Comparison) -> bool:
    """Whether no other remedy need be tried: one is proved to help, or nothing could be said of it."""
    return found.choice is None or found.verdicts[found.recommended] == HELPS


def _half(strategy: Strategy) -> str:
    """The setting that goes half of the way of what a strategy does against imbalance; empty where there is none."""
    tau = getattr(strategy.posthoc, "tau", 0.0)
    if tau is None:
        return "posthoc.tau=0.5"  # half of what theory asks for, since what was found stands in no parameter
    if tau > 0:
        return f"posthoc.tau={tau / 2:g}"
    if strategy.sampler.name == "class_balanced":
        return "sampler.name=square_root"
    if strategy.loss.name == "logit_adjusted" and (tau := getattr(strategy.loss, "tau", 0.0)) > 0:
        return f"loss.tau={tau / 2:g}"
    if getattr(strategy.loss, "pos_weight", "") == "balanced":
        return "loss.pos_weight=none"
    if getattr(strategy.loss, "weights", "") == "balanced":
        return "loss.weights=inverse_sqrt"
    return "loss.alpha=none" if getattr(strategy.loss, "alpha", "") == "balanced" else ""


# What to try where nothing helped, the cheapest first: a name, the part of the baseline that changes, what it becomes.
REMEDIES: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("logit_adjusted", "posthoc", {"name": "logit_adjustment", "tau": 1.0}, "one line after training"),
    ("balanced_sampling", "sampler", {"name": "class_balanced"}, "every class drawn equally often"),
    ("square_root_sampling", "sampler", {"name": "square_root"}, "half of the way to balance"),
    ("smote", "sampler", {"name": "smote"}, "new rows between neighbours of a rare class"),
)


def _untried(found: Comparison, params: Params) -> Iterator[Step]:
    """The first remedy that no strategy has, where none is proved to help."""
    if _is_settled(found):
        return
    base = params.strategies[found.baseline]
    tried = {(key, one.name) for strategy in params.strategies.values() for key, one in strategy.components.items()}
    for name, key, settings, why in REMEDIES:
        usable = key == "posthoc" or key in base.family.takes
        if usable and (key, settings["name"]) not in tried and name not in params.strategies:
            new = {**base.model_dump(mode="json", exclude_unset=True), key: settings}
            yield Step(
                f"Try {settings['name']}, which no strategy has: {why}.",
                _run_with(f"strategies.{name}={on_one_line(new)}"),
            )
            return


def _use(found: Comparison) -> Iterator[Step]:
    """What a proved or kept model is for, if it reaches anything."""
    if found.choice is None or found.reached(found.recommended).value <= 0:
        return
    yield Step(f"Use the model of {found.recommended} on new images.", "equipoise predict recommended FOLDER")
