"""What to take and why, in a few short sentences with the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.compare.comparison import Comparison
from tasks.compare.next_steps import lacking_for_a_verdict
from tasks.compare.verdicts import BASELINE, HELD_BACK, HELPS, HURTS, UNCLEAR
from tasks.compare.wording import at_level, listed
from tasks.decimals import decimal, percent, signed
from tasks.goals import JUDGED
from tasks.statistics.groups import FEWEST_GROUPS

OTHERWISE = "another backbone, fine-tuning or more images"  # what may gain where features have no more to give
SURE = 0.95  # of a bet with a higher chance nobody asks what it costs if it is lost
TAKEN_OUT = (BASELINE, HELD_BACK)  # verdicts of what is not recommended for another reason


def reason(found: Comparison) -> str:
    """What to take and why, as one text."""
    return " ".join(sentences(found))


def sentences(found: Comparison) -> list[str]:
    """What to take; what it rests on; what it does to the guarded class; what is proved of the others; what is left."""
    rests_on = [*_ceiling(found), *_not_measurable(found), *_audit(found), *_not_blind(found), *found.generated]
    return [*_floor(found), *_recommendation(found), *rests_on]


def is_proved(found: Comparison) -> bool:
    """Whether the recommended strategy is proved to help."""
    return found.verdicts[found.recommended] == HELPS


def _floor(found: Comparison) -> Iterator[str]:
    """That the baseline is hardly above chance, or reaches nothing of the goal, before anything is compared."""
    reached, guessed = found.reached(found.baseline), found.goal.guessed(len(found.classes))
    if found.goal.name == "balanced_accuracy" and reached.low <= guessed:
        yield (
            f"{found.baseline} is hardly better than guessing ({decimal(reached.value)}, where guessing gives "
            f"{decimal(guessed)}): these features don't see these classes, so look at the images, their labels or "
            "another backbone first."
        )
    if found.goal.name == "expected_cost" and reached.value <= guessed:
        yield (
            f"{found.baseline} costs no less than the one decision that is cheapest if it is always taken "
            f"({found.goal.label} is {decimal(reached.value)}): at these costs its scores are of no use, so look at "
            "the images, their labels, the costs or another backbone first."
        )
    if found.goal.of_class is not None and reached.value == 0:
        yield (
            f"{found.baseline} reaches nothing: {found.goal.label} is 0. Ask for less, or look at the images, their "
            "labels or another backbone first."
        )


def _recommendation(found: Comparison) -> Iterator[str]:
    if not found.differences:
        yield f"{found.baseline} is the only strategy, so there is nothing to choose."
    elif found.choice is None:
        yield from _without_verdicts(found)
    elif found.recommended == found.baseline:
        yield f"Keep {found.baseline}: {_why_baseline(found)}."
        yield f"It finds {listed([_kept(found, label) for label in _watched(found)])}."
        yield from _refused(found)
        yield from _proved_of_others(found)
    else:
        yield from _promise(found)
        yield from _price(found)
        if found.choice.best != found.recommended:
            better = "proved" if is_proved(found) and found.verdicts[found.choice.best] != HELPS else "simpler"
            yield f"{found.choice.best} promises a little more, but {found.recommended} is {better}."
        yield from _refused(found)
        yield from _proved_of_others(found)


def _without_verdicts(found: Comparison) -> Iterator[str]:
    own = found.goal.of_class if found.goal.of_class in found.not_measurable else None
    yield (
        f"Keep {found.baseline}: nothing can be said of the others, since {own or 'two classes or more'} must have "
        f"{FEWEST_GROUPS} training images that are no relatives of each other. Lacking are "
        f"{lacking_for_a_verdict(found)}."
    )


def _why_baseline(found: Comparison) -> str:
    choice, label = found.choice, found.goal.label
    if choice is None or choice.best == found.baseline:
        return f"of no other strategy that may be taken a gain in {label} is to be expected"
    bet = found.bets[choice.best]
    return (
        f"the best bet, {choice.best}, is better with a chance of {percent(bet.chance)} only, and "
        f"{signed(bet.gain)} in {label} is to be expected of it"
    )


def _promise(found: Comparison) -> Iterator[str]:
    bet, change = found.bets[found.recommended], found.differences[found.recommended]
    others = len(found.differences)
    how = "proved to help" if is_proved(found) else f"a bet at {percent(bet.chance)}"
    recall = listed([_moved(found, label) for label in _watched(found)])
    yield f"Take {found.recommended}, {how}: expect {signed(bet.gain)} {found.goal.after_number}; {recall}."
    measured = f"{signed(change.value)} ({at_level(change, found.confidence, signed)})"
    tail = ""
    if others > 1 and bet.gain < change.value:
        tail = f", and the best of {others} looks better than it is"
    elif others > 1 and bet.gain > change.value:
        tail = ", but strategies that err alike gain more"
    if_worse = f"; if it is worse after all, expect {signed(bet.loss)}" if bet.loss and bet.chance < SURE else ""
    yield f"Measured against {found.baseline} is {measured}{tail}{if_worse}."


def _watched(found: Comparison) -> list[str]:
    """The classes whose recall is always told: the guarded one, and the rarest."""
    return list(dict.fromkeys([found.guard.label, found.rarest]))


def _moved(found: Comparison, label: str) -> str:
    values = (found.metrics[name][f"recall.{label}"].value for name in (found.baseline, found.recommended))
    before, after = map(decimal, values)
    moved = f"stays at {before}" if before == after else f"goes from {before} to {after}"
    return f"the recall of {label} ({found.class_counts[label]:,} images) {moved}"


def _kept(found: Comparison, label: str) -> str:
    share = found.metrics[found.baseline][f"recall.{label}"].value
    return f"{percent(share)} of the {found.class_counts[label]:,} images of {label}"


def _price(found: Comparison) -> Iterator[str]:
    """What else changes with the recommendation."""
    shown = {f"the precision of {found.guard.label}": f"precision.{found.guard.label}"}
    shown |= {"balanced accuracy": f"{JUDGED}balanced_accuracy", "macro-F1": f"{JUDGED}macro_f1"}
    if found.goal.of_class is not None:
        of = found.goal.of_class
        shown |= {f"the recall of {of}": f"recall.{of}", f"the precision of {of}": f"precision.{of}"}
    before, after = found.metrics[found.baseline], found.metrics[found.recommended]
    values = {
        name: (decimal(before[key].value), decimal(after[key].value))
        for name, key in {**shown, "accuracy": "accuracy"}.items()
        if key not in (found.goal.metric, *(f"recall.{label}" for label in _watched(found)))
    }
    moved = [f"{name} from {old} to {new}" for name, (old, new) in values.items() if old != new]
    kept = [f"{name} at {old}" for name, (old, new) in values.items() if old == new]
    told = [f"takes {listed(moved, len(moved))}"] if moved else []
    told += [f"leaves {listed(kept, len(kept))}"] if kept else []
    share = decimal(before["majority_share"].value)
    yield f"It also {' and '.join(told)} (always naming the commonest class: {share})."


def _most_promising_refused(found: Comparison) -> str | None:
    """The strategy that promises more than the recommended one, but that the guard keeps out."""
    least = found.bets[found.recommended].gain if found.recommended in found.bets else 0.0
    gains = {name: found.bets[name].gain for name in found.guard.refused if found.verdicts[name] not in TAKEN_OUT}
    promising = [name for name, gain in gains.items() if gain > least]
    return max(promising, key=gains.__getitem__, default=None)


def _refused(found: Comparison) -> Iterator[str]:
    name, key = _most_promising_refused(found), f"recall.{found.guard.label}"
    if name is not None:
        proved = " and is proved to help" if found.verdicts[name] == HELPS else ""
        yield (
            f"{name} promises more ({signed(found.bets[name].gain)}){proved}, but lowers the recall of "
            f"{found.guard.label} from {decimal(found.metrics[found.baseline][key].value)} to "
            f"{decimal(found.metrics[name][key].value)}, which compare.guard forbids."
        )


def _proved_of_others(found: Comparison) -> Iterator[str]:
    told_of = {found.recommended, _most_promising_refused(found)}
    of = {
        judged: [name for name in found.ranked if found.verdicts[name] == judged and name not in told_of]
        for judged in (HELPS, HURTS, UNCLEAR)
    }
    told = [f"{listed(of[HELPS])} {_verb(of[HELPS])} proved to help"] if of[HELPS] else []
    told += [f"{listed(of[HURTS])} {_verb(of[HURTS])} proved to hurt"] if of[HURTS] else []
    if told:
        yield "; ".join(told) + "."
    elif of[UNCLEAR] and not is_proved(found):
        yield "Nothing is proved of any other."


def _verb(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _ceiling(found: Comparison) -> Iterator[str]:
    """How far the best strategy stands from what the best of all classifiers could reach on its features."""
    best = next((name for name in found.ranked if name not in found.shortcuts), None)
    ceiling = found.ceilings.get(best or "")
    if best is None or ceiling is None or found.goal.name != "balanced_accuracy":
        return
    reached, near = found.reached(best).value, found.margin
    height = f"{decimal(ceiling.least.value)} to {decimal(ceiling.most.value)}"
    unsure = f"{100 * found.confidence:g} % interval {decimal(ceiling.least.low)} to {decimal(ceiling.most.high)}"
    if reached > ceiling.most.high:
        yield (
            f"{best} reaches {decimal(reached)}, more than nearest neighbours think possible on its features "
            f"({height}; {unsure}): they are too few, or see too little, to tell where the ceiling is."
        )
    elif reached >= ceiling.most.value - near:
        yield (
            f"{decimal(reached)} is at the ceiling of its features as nearest neighbours see it: {height} ({unsure}); "
            f"no further remedy will gain much on them, {OTHERWISE} may."
        )
    elif reached < ceiling.least.low:
        yield (
            f"{decimal(reached)} is less than the nearest neighbours in its features reach alone, whose ceiling is at "
            f"{height} ({unsure}): train longer or with other families before other images are sought."
        )
    elif reached + near < ceiling.most.low:
        yield (
            f"{decimal(reached)} is below the ceiling of its features as nearest neighbours see it: {height} "
            f"({unsure}); more images or other remedies can still gain on them."
        )
    else:
        yield (
            f"The ceiling of these features lies between {decimal(ceiling.least.low)} and "
            f"{decimal(ceiling.most.high)}, too wide to tell whether {decimal(reached)} is at it."
        )


def _not_measurable(found: Comparison) -> Iterator[str]:
    if found.not_measurable and found.choice is not None:
        few = listed(
            [f"{label} ({number} of {FEWEST_GROUPS} groups)" for label, number in found.not_measurable.items()]
        )
        yield f"Not measurable, and in no verdict: {few}."


def _audit(found: Comparison) -> Iterator[str]:
    """What the audits change about it."""
    held = [name for name in found.shortcuts if name != found.baseline]
    if held:
        yield f"{listed(held)} {_verb(held)} held back: traces of augmentation move predictions."
    if found.baseline in found.shortcuts:
        yield f"The baseline, {found.baseline}, reads traces of augmentation itself: compare with another."


def _not_blind(found: Comparison) -> Iterator[str]:
    """Which strategies were scored on images that their backbone has seen."""
    if found.not_blind:
        yield (
            f"The backbone of {listed(found.not_blind)} was pretrained on all training images at once (per_fold: "
            "false): it has seen, without labels, what it is scored on, so figures out of fold may be too good."
        )
