"""The part `audit`: images of the largest class that can never train, so that recipes can be audited on them.

The stage `audit` changes these images as a recipe changes training images and looks at whether predictions move. Whole
groups of relatives are kept out, so that nothing in training is related to them. They are taken from the training side,
never from the test part, which stays the same with and without them. What this may cost training is bounded; where
groups mix classes their images of other classes lie idle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.params.models import Split
from tasks.split.by_group import join_given_groups
from tasks.split.stratification import draws
from tasks.split.units import FREE, TEST, TRAINING, Units

MAJORITY_SHARE = 0.10  # of the largest class's training images that may be given up
OTHERS_SHARE = 0.05  # of any other class's
FEWEST_GROUPS = 10  # fewer allow no interval (see tasks/compare/verdicts.py), so nothing is given up for them
FOLDS = "no split of the other training images into folds was found without them"


@dataclass(frozen=True)
class AuditPart:
    """What is kept out for the audits.

    Attributes
    ----------
    label
        The largest class, whose images are audited.
    wanted
        ``split.audit_images``.
    images, groups
        How many of its images are kept out, and in how many groups of relatives.
    why
        Why they are fewer than wanted, as a sentence; else empty.
    """

    label: str
    wanted: int
    images: int
    groups: int
    why: str


def audit_part(kept: Units, chosen: Units, params: Split, label: str, why: str) -> AuditPart:
    """Count what is kept out, frozen there (`kept`) or drawn now (`chosen`)."""
    images = [units.images[units.images["label"] == label] for units in (kept, chosen)]
    number, groups = (
        sum(counts) for counts in zip(*((len(own), own["unit"].nunique()) for own in images), strict=True)
    )
    if not why and params.audit_images and number < params.audit_images:
        why = f"{number:,} of {params.audit_images:,} images: {_bounds(label)}, and what is frozen, leave no more"
    if not params.audit_images and not number:
        why = "split.audit_images is 0"
    return AuditPart(label, params.audit_images, number, groups, why)


def draw_audit(units: Units, placed: np.ndarray, kept: Units, label: str, params: Split) -> tuple[np.ndarray, str]:
    """Choose the units that are kept out of training.

    Groups of the largest class alone come first, and those that are small enough for ten of them to make up what is
    wanted; the others by what they cost the other classes for each image. Equals follow a hash of group and seed.

    Parameters
    ----------
    units
        All that take part, but for those that are frozen in the audit part.
    placed
        Where they would be without this, shape (U, R).
    kept
        Those that are frozen in the audit part.
    label
        The largest class.
    params
        What stands in `params.yaml`.

    Returns
    -------
    chosen, why
        Shape (U,); and why nothing could be had, if so.
    """
    nothing = np.zeros(len(placed), dtype=bool)
    if not params.audit_images:
        return nothing, ""
    if params.by == "group":  # a given group is a fold: all of it, or nothing
        whole, names = join_given_groups(units)
    else:
        whole, names = np.arange(len(placed)), units.names
    counts = np.zeros((len(names), len(units.classes)), dtype=np.int64)
    np.add.at(counts, whole, units.counts)
    place = np.zeros(len(names), dtype=np.int64)
    place[whole] = placed[:, 0].clip(max=1) if params.by == "group" else placed[:, 0]
    used = np.array([(kept.images["label"] == name).sum() for name in units.classes])
    stock = _Stock(
        counts,
        place,
        used,
        int(kept.images.loc[kept.images["label"] == label, "unit"].nunique()),
        units.classes.index(label),
        draws(names, params.seed, "audit"),
        2 if params.by == "group" else 1,
    )
    given = units.images[units.images["part"] == "val"]["unit"].unique()
    possible = place > TEST
    possible[whole[given]] = False
    free = possible.copy()
    free[whole[~np.isin(units.fixed[:, 0], (FREE, TRAINING))]] = False
    chosen = stock.take(free, params.audit_images)
    groups = stock.groups + int(chosen.sum())
    if groups >= FEWEST_GROUPS:
        return chosen[whole], ""
    unfrozen = stock.groups + int(stock.take(possible, params.audit_images).sum())
    if unfrozen >= FEWEST_GROUPS:
        return nothing, "data/frozen.csv holds the training images in their folds (`equipoise freeze --discard`)"
    return (
        nothing,
        f"{_bounds(label)} leave {unfrozen} groups of relatives, and fewer than {FEWEST_GROUPS} tell nothing",
    )


def _bounds(label: str) -> str:
    return (
        f"the bounds (at most {MAJORITY_SHARE:.0%} of the training images of {label} and {OTHERS_SHARE:.0%} of any "
        "other class's, and each class stays in each fold)"
    )


@dataclass(frozen=True)
class _Stock:
    """What can be given up.

    Attributes
    ----------
    counts
        Images a group and class, shape (G, K).
    place
        Where the groups would be, shape (G,).
    used, groups
        Images a class, shape (K,), and groups that are kept out already.
    majority
        Index of the largest class.
    order
        A random number a group, shape (G,).
    quota
        Groups of a class that must stay in each place that holds any.
    """

    counts: np.ndarray
    place: np.ndarray
    used: np.ndarray
    groups: int
    majority: int
    order: np.ndarray
    quota: int

    def take(self, may_go: np.ndarray, wanted: int) -> np.ndarray:
        """Choose among the groups that may go, shape (G,), until enough images and groups are kept out."""
        shares = np.full(self.counts.shape[1], OTHERS_SHARE)
        shares[self.majority] = MAJORITY_SHARE
        most = np.floor(shares * (self.counts[self.place > TEST].sum(axis=0) + self.used) + 1e-9)
        places = range(self.place.max() + 1)
        left = np.array([(self.counts[self.place == at] > 0).sum(axis=0) for at in places])
        used, groups = self.used.copy(), self.groups
        chosen = np.zeros(len(self.counts), dtype=bool)
        own = self.counts[:, self.majority]
        others = np.delete(self.counts / np.maximum(most, 0.5), self.majority, axis=1).max(axis=1, initial=0)
        cost = others / np.maximum(own, 1)
        candidates = np.flatnonzero(may_go & (own > 0))
        for at in sorted(candidates, key=lambda g: (own[g] > wanted / FEWEST_GROUPS, cost[g], self.order[g])):
            if used[self.majority] >= wanted and groups >= FEWEST_GROUPS:
                break
            holds = self.counts[at] > 0
            stays = left[self.place[at]] - holds >= self.quota
            if (used + self.counts[at] > most).any() or not stays[holds].all():
                continue
            chosen[at] = True
            used += self.counts[at]
            left[self.place[at]] -= holds
            groups += 1
        return chosen
