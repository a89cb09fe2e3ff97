"""What the gates say in sentences, for the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.statistics.interval import Interval
from tasks.synthesize.gates.fidelity import NAMES, Fidelity
from tasks.synthesize.gates.judge import Judged, OneClass
from tasks.synthesize.gates.memorisation import Memorisation
from tasks.synthesize.gates.selection import REASONS, Checked
from tasks.synthesize.gates.tell_tale import TellTale

WEAK = 0.5  # share of other classes' real images that pass as a class: from there on the check is called weak


def lines(judged: Judged) -> Iterator[str]:
    """What was kept, what was dropped for which reason, and what is told of each class."""
    yield _counted("all classes", judged.overall["selection"])
    for label, one in judged.classes.items():
        yield _counted(label, one.counts)
        yield from (f"{label}: {sentence}" for sentence in _sentences(one))


def _counted(label: str, counts: dict[str, Any]) -> str:
    dropped = [f"{counts['dropped'][reason]:,} {reason}" for reason in REASONS if counts["dropped"][reason]]
    tail = f"; dropped: {', '.join(dropped)}" if dropped else ""
    return f"{label}: {counts['kept']:,} of {counts['made']:,} synthetic images kept{tail}"


def _sentences(one: OneClass) -> Iterator[str]:
    yield from _checked(one.checked)
    yield from _memorised(one.memorisation)
    if isinstance(one.fidelity, Fidelity):
        yield ", ".join(_beside(one.fidelity, name) for name in NAMES)
    else:
        yield f"likeness to real images can't be told: {one.fidelity}"
    if isinstance(one.tell_tale, TellTale):
        yield _tell(one.tell_tale)
    else:
        yield f"whether they can be told from real ones is not known: {one.tell_tale}"


def _checked(checked: Checked) -> Iterator[str]:
    if checked.reason:
        yield f"whether they show another class was not checked: {checked.reason}"
    elif checked.lets_through is not None and checked.lets_through.value >= WEAK:
        yield f"the check for other classes is weak: {_percent(checked.lets_through)} of their real images pass it"


def _memorised(found: Memorisation) -> Iterator[str]:
    if found.near_copies.value:
        yield f"{_percent(found.near_copies)} are near-copies of an image that their model has seen"
    if found.memorised is None or found.nearer is None or found.expected is None:
        yield f"whether they are too near to what their models have seen can't be told: {found.reason}"
        return
    yield (
        f"{_percent(found.memorised)} are nearer to what their models have seen than other real images are but for "
        f"{100 * found.expected:.1f} %"
    )
    yield f"what their models have seen is nearer than what they have not for {_percent(found.nearer)} (50 % by chance)"


def _beside(found: Fidelity, name: str) -> str:
    shown = "KID" if name == "kid" else name
    return f"{shown} {found.values[name].value:.2f} (other real images {found.references[name].value:.2f})"


def _tell(found: TellTale) -> str:
    told = found.told
    if told.tell is not None:
        return f"can be told from real ones by their {told.tell} ({_area(told.properties[told.tell])})"
    if told.features.low > 0.5:
        return f"can be told from real ones by their features ({_area(told.features)})"
    if told.all.low > 0.5:
        return f"can be told from real ones by their features and properties together ({_area(told.all)})"
    return f"can't be told from real ones for certain ({_area(told.all)})"


def _area(area: Interval) -> str:
    value, low, high = (f"{one:.2f}".removeprefix("0") for one in (area.value, area.low, area.high))
    return f"AUC {value} [{low}, {high}]"


def _percent(one: Interval) -> str:
    return f"{100 * one.value:.1f} % [{100 * one.low:.1f}, {100 * one.high:.1f}]"
