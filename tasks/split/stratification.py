"""Placing whole groups: iterative stratification with groups in place of examples, and no class loses a place.

Groups of the rarest classes are placed first and larger ones before smaller ones, each where its classes are missed
most; then groups are exchanged as long as that helps. What decides a group's place is its content and the seed, never
the order of the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from tasks.errors import InputError
from tasks.split.local_search import exchange_groups
from tasks.split.places import Places
from tasks.split.units import TEST
from tasks.split.wording import named

ROUNDS = 50  # of placing anew before a split counts as impossible
TIE_BREAK = 1e-6  # weight of the size of a place against its class counts
LESS = "merge classes (ingest.rename), or leave them out (ingest.drop)"
REMEDY = f"use fewer folds (split.folds), {LESS}"


def draws(names: Sequence[str], seed: int, what: int | str = 0) -> np.ndarray:
    """A random number a group that follows from its name, the seed and what is drawn only, shape (G,).

    `what` is the number of a repeat, or another draw's name.
    """
    digests = (hashlib.sha256(f"{seed}:{what}:{name}".encode()).digest() for name in names)
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.uint64)


def place_groups(counts: np.ndarray, places: Places, order: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Find a place for each group, so that each class meets the quota of every open place.

    Groups of several classes can be placed so that one class loses a place that it could have had; then all is placed
    anew with the groups of that class first ("squeaky wheel" search, Joslin and Clements 1999). Exchanges then bring
    the shares nearer to their targets.

    Parameters
    ----------
    counts
        Images a group and class, shape (G, K).
    order
        A random number a group, shape (G,): the order of groups that are otherwise alike. Up to a factor of two in
        size they count as alike, so that other numbers give other neighbours also where all sizes differ.
    classes
        Names of the classes, for messages.

    Returns
    -------
    numpy.ndarray
        Index into `places.targets`, shape (G,).

    Raises
    ------
    InputError
        A class can't be in every place.
    """
    complaints = np.zeros(counts.shape[1], dtype=np.int64)
    for _ in range(ROUNDS):
        place = _place_greedily(counts, places, order, complaints)
        lost = places.lacking(counts, place).any(axis=0)
        if not lost.any():
            return exchange_groups(counts, places, place)
        complaints += lost
    raise InputError(
        f"no split was found that has each class in every fold and the test part (missing somewhere: "
        f"{named(classes, complaints == complaints.max())}), because relatives belong to several classes; {REMEDY}"
    )


def _place_greedily(counts: np.ndarray, places: Places, draws: np.ndarray, complaints: np.ndarray) -> np.ndarray:
    """Place group after group, each where it lowers the chi-squared distance of class counts from their targets most.

    After the iterative stratification of Sechidis, Tsoumakas and Vlahavas (2011), with whole groups in place of single
    examples. While a class has no more groups left than places that lack it, its groups go to those.
    """
    is_open, may_test = places.is_open, places.may_test
    free = places.fixed < 0
    holds = counts > 0
    left, left_for_test = holds[free].sum(axis=0), holds[free & may_test].sum(axis=0)
    groups_of_class = left.copy()
    octaves = np.frexp(counts.sum(axis=1))[1]
    order = sorted(
        np.flatnonzero(free),
        key=lambda g: (-complaints[holds[g]].max(), groups_of_class[holds[g]].min(), -octaves[g], draws[g]),
    )
    sizes = np.column_stack([counts, counts.sum(axis=1)])  # the last column stands for the images of all classes
    goal, weight = places.goals(sizes)
    need = goal - np.array([sizes[places.fixed == at].sum(axis=0) for at in range(len(is_open))])
    weight[:, -1] *= TIE_BREAK
    lacks = places.lacking(counts, places.fixed)
    place = places.fixed.copy()
    for g in order:
        own = np.flatnonzero(holds[g])
        lacking = lacks[:, own]
        urgent = (lacking > 0) & (left[own] <= lacking.sum(axis=0))
        last_for_test = may_test[g] & (lacking[TEST] > 0) & (left_for_test[own] <= lacking[TEST])
        urgent[TEST] |= last_for_test
        urgent[1:, last_for_test] = False
        allowed = is_open.copy()
        allowed[TEST] &= may_test[g]
        helped = np.where(allowed, urgent.sum(axis=1), -1)
        gain = (weight * sizes[g] * (need - sizes[g] / 2)).sum(axis=1).round(12)  # so that equal means equal
        best = int(np.argmax(np.where(helped == helped.max(), gain, -np.inf)))
        place[g] = best
        need[best] -= sizes[g]
        lacks[best, own] = (lacks[best, own] - 1).clip(min=0)
        left[own] -= 1
        left_for_test[own] -= may_test[g]
    return place
