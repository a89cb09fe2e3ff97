"""All gates of one generator: what is kept, and what is told of it, a class and overall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.statistics.interval import Interval
from tasks.statistics.shares import weighted_mean
from tasks.synthesize.gates.fidelity import NAMES, Fidelity, fidelity
from tasks.synthesize.gates.images import Made, OfClass, Real, Sight, of_class
from tasks.synthesize.gates.look_alikes import Copy, LookAlikes
from tasks.synthesize.gates.memorisation import Memorisation, Nearest, Usual, border, memorisation, nearest_real
from tasks.synthesize.gates.selection import (
    DUPLICATE,
    NEAR_COPY,
    OTHER_CLASS,
    Checked,
    Selected,
    check_class,
    is_unlikely,
    likelihoods,
)
from tasks.synthesize.gates.settings import Selection
from tasks.synthesize.gates.tell_tale import TellTale, tell_tale


@dataclass(frozen=True)
class OneClass:
    """What is told of the synthetic images of one class.

    Attributes
    ----------
    counts
        How many were made, kept, and dropped for which reason.
    checked
        How likely the class had to be.
    memorisation, tell_tale, fidelity
        Of all that were made; in a sentence why not.
    fidelity_of_kept
        Of those that are kept.
    """

    counts: dict[str, Any]
    checked: Checked
    memorisation: Memorisation
    fidelity: Fidelity | str
    fidelity_of_kept: Fidelity | str
    tell_tale: TellTale | str

    def as_json(self) -> dict[str, Any]:
        """All of it; what could not be told is null, with ``reason``."""
        return {
            "selection": self.counts | {"confidence": self.checked.as_json()},
            "memorisation": self.memorisation.as_json(),
            "fidelity": {"made": _told(self.fidelity), "kept": _told(self.fidelity_of_kept)},
            "tell_tale": _told(self.tell_tale),
        }


@dataclass(frozen=True)
class Judged:
    """What the gates say of one generator.

    Attributes
    ----------
    selected
        Which images are kept, in the order in which they were given.
    nearest
        The nearest real image that its model has seen, of each synthetic one: places among all real ones.
    copies
        Near-copies by likeness, with places among all images.
    classes
        What is told of each class that has synthetic images, by its name.
    overall
        The same of all images or, of what is measured within classes, the mean over them; as JSON holds it.
    """

    selected: Selected
    nearest: Nearest
    copies: list[Copy]
    classes: dict[str, OneClass]
    overall: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """What a report holds; which image is dropped for what reason stands in `selected`."""
        return {"overall": self.overall, "classes": {label: one.as_json() for label, one in self.classes.items()}}


def judge(made: Made, real: Real, selection: Selection, *, max_size: int, workers: int = 1) -> Judged:
    """Put the images of one generator through all gates.

    Parameters
    ----------
    made
        Its images, one at least, each of a class that real images have.
    real
        All training images, those among them that the models were fitted to.
    selection
        What is kept.
    max_size
        The most images that show one thing: `group.max_size` of `params.yaml`.
    workers
        Number of processes; changes time only.
    """
    sight = Sight.of(made, real)
    labels = sorted(set(made.labels.tolist()))
    said = likelihoods(made, real, sight)
    checked = {label: check_class(said, real, label, selection.confidence) for label in labels}
    usual = {label: Usual.of(of_class(made, real, sight, label)) for label in said.classes}

    reasons = np.full(len(made.ids), "", dtype="<U16")
    reasons[is_unlikely(said, made.labels, checked)] = OTHER_CLASS
    distance, place = np.full(len(made.ids), np.inf), np.full(len(made.ids), -1, dtype=np.int64)
    copies: list[Copy] = []
    memorised: dict[str, Memorisation] = {}
    spaces: dict[str, OfClass] = {}
    for label in labels:
        ours, theirs = np.flatnonzero(made.labels == label), np.flatnonzero(real.labels == label)
        space = spaces[label] = of_class(made, real, sight, label)
        limit = border(label, usual)
        nearest = nearest_real(space, space.seen)
        distance[ours] = nearest.distance
        place[ours] = np.where(nearest.place < 0, -1, theirs[nearest.place])
        alike = LookAlikes(made.pixels[ours], real.pixels[theirs], space, max_size, workers)
        found = alike.copies()
        copied = np.isin(np.arange(len(ours)), [copy.made for copy in found])
        copies += [Copy(int(ours[one.made]), int(theirs[one.real]), one.likeness, one.turn) for one in found]
        memorised[label] = memorisation(space, nearest, copied, usual[label], limit)
        near = copied if limit is None else copied | (nearest.distance < limit.distance)
        if selection.near_copies:
            reasons[ours[near & (reasons[ours] == "")]] = NEAR_COPY
        if selection.duplicates:
            reasons[ours[alike.repeats(reasons[ours] == "")]] = DUPLICATE

    selected = Selected(reasons)
    classes = {}
    for label in labels:
        own = made.labels == label
        of_all = fidelity(spaces[label])
        kept = selected.kept[own]
        classes[label] = OneClass(
            selected.counts(own),
            checked[label],
            memorised[label],
            of_all,
            of_all if kept.all() else fidelity(spaces[label].take(kept)),
            tell_tale(made, real, sight, label),
        )
    everything = np.ones(len(made.ids), dtype=bool)
    overall = {"selection": selected.counts(everything), **_overall(classes)}
    return Judged(selected, Nearest(distance, place), copies, classes, overall)


def _overall(classes: dict[str, OneClass]) -> dict[str, Any]:
    """Means over the classes: of shares of images by their number, of the rest all classes alike."""
    of = [one.memorisation for one in classes.values()]
    told = [one.tell_tale for one in classes.values() if isinstance(one.tell_tale, TellTale)]
    return {
        "memorisation": {
            name: _mean([(getattr(one, name), one.images) for one in of])
            for name in ("near_copies", "nearer", "memorised", "false_alarms")
        },
        "fidelity": {
            "made": _mean_fidelity([one.fidelity for one in classes.values()]),
            "kept": _mean_fidelity([one.fidelity_of_kept for one in classes.values()]),
        },
        "tell_tale": {
            name: _mean([(getattr(one.told, name), 1) for one in told]) for name in ("features", "traces", "all")
        },
    }


def _mean_fidelity(classes: list[Fidelity | str]) -> dict[str, Any]:
    found = [one for one in classes if isinstance(one, Fidelity)]
    return {
        name: _mean([(one.values[name], 1) for one in found])
        and {
            **(_mean([(one.values[name], 1) for one in found]) or {}),
            "reference": _mean([(one.references[name], 1) for one in found]),
        }
        for name in NAMES
    }


def _mean(values: list[tuple[Interval | None, int]]) -> dict[str, float] | None:
    """The weighted mean of what is there, of independent classes; None of nothing."""
    there = [(one, weight) for one, weight in values if one is not None and np.isfinite(one.value)]
    if not there:
        return None
    value, low, high = np.array([(one.value, one.low, one.high) for one, _ in there]).T
    weights = np.array([weight for _, weight in there], dtype=np.float64)
    weights /= weights.sum()
    return Interval(float(weights @ value), *weighted_mean(value, low, high, weights, np.eye(len(there)))).as_json()


def _told(found: Fidelity | TellTale | str) -> dict[str, Any]:
    return {"reason": found} if isinstance(found, str) else found.as_json() | {"reason": ""}
