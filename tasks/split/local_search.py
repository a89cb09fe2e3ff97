"""Local search: groups are exchanged between places until that brings the classes no nearer to their targets.

Placing one group after the other can't undo what a later group spoils. Where few large groups hold several classes (the
cells of a solar module, the photos of a patient) that leaves shares far from their targets, which exchanges mend.
"""

from __future__ import annotations

import numpy as np

from tasks.split.places import Places
from tasks.split.units import TEST

ROUNDS = 500  # at most, each for one class
CANDIDATES = 100  # groups of either side that are tried in an exchange, the smallest ones
NOTHING = -1  # what comes back where a group only moves


def exchange_groups(counts: np.ndarray, places: Places, place: np.ndarray) -> np.ndarray:
    """Lower the chi-squared distance of class counts from their targets by moving and swapping groups.

    The class that is furthest off is mended first: a group leaves the place that has most too many for one that has too
    few, alone or in exchange for another. A class that no exchange mends waits until there was one for another class.

    Parameters
    ----------
    counts
        Images a group and class, shape (G, K).
    places
        Where groups may go; what it asks for stays fulfilled.
    place
        Where groups are, shape (G,); every quota is met.

    Returns
    -------
    numpy.ndarray
        Where groups are then, shape (G,).
    """
    place = place.copy()
    goal, weight = places.goals(counts)
    have = np.array([counts[place == at].sum(axis=0) for at in range(len(goal))])
    groups = np.array([(counts[place == at] > 0).sum(axis=0) for at in range(len(goal))])
    _, alike = np.unique(counts, axis=0, return_inverse=True)
    waits = np.zeros(counts.shape[1], dtype=bool)
    for _ in range(ROUNDS):
        off = have - goal
        distance = np.where(waits, 0, (weight * off**2).sum(axis=0))
        chosen = int(distance.argmax())
        if distance[chosen] == 0:
            break
        source = int((np.sqrt(weight) * off)[:, chosen].argmax())
        leaving = _candidates(
            counts, places, np.flatnonzero((place == source) & (counts[:, chosen] > 0)), alike.ravel()
        )
        best, exchange = -1e-9, None
        for target in np.flatnonzero((weight * off)[:, chosen] < 0):
            out = leaving[places.may_test[leaving]] if target == TEST else leaving
            coming = _candidates(counts, places, np.flatnonzero(place == target), alike.ravel())
            coming = np.append(coming[places.may_test[coming]] if source == TEST else coming, NOTHING)
            back = np.where(coming[:, None] == NOTHING, 0, counts[coming])
            change = counts[out][:, None] - back  # what goes from source to target, shape (out, coming, K)
            gain = (weight[source] * change * (change - 2 * off[source])).sum(axis=2)
            gain += (weight[target] * change * (change + 2 * off[target])).sum(axis=2)
            moves = (counts[out] > 0)[:, None].astype(np.int64) - (back > 0)
            broken = groups[source] - moves < places.quota[source]
            broken |= groups[target] + moves < places.quota[target]
            gain[broken.any(axis=2)] = 0
            if gain.size and gain.min() < best:
                best = gain.min()
                first, second = np.unravel_index(gain.argmin(), gain.shape)
                exchange = (out[first], coming[second], target, change[first, second], moves[first, second])
        if exchange is None:
            waits[chosen] = True
            continue
        group, other, target, change, moves = exchange
        place[group] = target
        if other != NOTHING:
            place[other] = source
        for table, moved in ((have, change), (groups, moves)):
            table[source] -= moved
            table[target] += moved
        waits[:] = False
    return place


def _candidates(counts: np.ndarray, places: Places, groups: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """The smallest of the groups that may move, one of each that are alike."""
    groups = groups[places.fixed[groups] < 0]
    _, first = np.unique(alike[groups] * 2 + places.may_test[groups], return_index=True)
    groups = groups[first]
    smallest: np.ndarray = groups[np.argsort(counts[groups].sum(axis=1), kind="stable")][:CANDIDATES]
    return smallest
