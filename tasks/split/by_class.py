"""Split by class: every class in the test part and in every fold, in equal shares; the folds of each repeat anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.errors import InputError
from tasks.ingest.wording import first_few
from tasks.params.models import Split
from tasks.split.given_parts import FROM_TRAIN, RUN
from tasks.split.places import Places
from tasks.split.stratification import LESS, draws, place_groups
from tasks.split.units import FREE, TEST, Units
from tasks.split.wording import ADD_AGAIN, named

SHOWN = 12  # classes named in a message
DISCARD = "let images that are frozen move (`equipoise freeze --discard`)"


def place(units: Units, params: Split) -> np.ndarray:
    """Place of each unit in each repeat, shape (U, R).

    `test_share` is a share of the labelled images. Where the user gave a test part none is drawn; where they gave a
    validation part it is fold 0, and the others share the remaining folds.

    Raises
    ------
    InputError
        A class has too few groups to be in every place, or no image in the given test part.
    """
    counts, names, classes = units.counts, units.names, units.classes
    given = set(units.images["part"].dropna())
    open_places = first_places(units, params)
    placed = [place_groups(counts, open_places, draws(names, params.seed), classes)]
    is_test = placed[0] == TEST
    targets = open_places.targets.copy()
    targets[TEST] = 0
    for repeat in range(1, params.repeats):
        fixed = np.where(is_test, TEST, units.fixed[:, repeat])
        folds = Places(targets / targets.sum(), fixed, np.zeros(len(fixed), dtype=bool), open_places.quota)
        check_feasible(counts, folds, classes, given)
        placed.append(place_groups(counts, folds, draws(names, params.seed, repeat), classes))
    return np.column_stack(placed)


def first_places(units: Units, params: Split) -> Places:
    """The places of the first repeat.

    Raises
    ------
    InputError
        As `place`.
    """
    given = set(units.images["part"].dropna())
    places = Places(
        open_targets(params, "test" in given, "val" in given),
        units.fixed[:, 0],
        units.fixed[:, 0] == FREE,
        np.ones(1 + params.folds, dtype=np.int64),
    )
    check_feasible(units.counts, places, units.classes, given)
    return places


def open_targets(params: Split, has_test: bool, has_val: bool) -> np.ndarray:
    """Share of the images for each place, shape (1 + folds,); 0 for those that the user filled."""
    targets = np.full(1 + params.folds, (1 - params.test_share) / params.folds)
    targets[TEST] = 0 if has_test else params.test_share
    if has_val:
        targets[1] = 0
    shares: np.ndarray = targets / targets.sum()
    return shares


def check_feasible(counts: np.ndarray, places: Places, classes: Sequence[str], given: set[str]) -> None:
    """Refuse classes that can't be in every place, or that a training set or a given test part would lack.

    Raises
    ------
    InputError
        With the classes, the groups that they have and need, and what to do.
    """
    needed = int(places.is_open.sum())
    holds = counts > 0
    free = places.fixed < 0
    lacking = places.lacking(counts, places.fixed).sum(axis=0)
    usable = holds[free].sum(axis=0)
    have = needed - lacking + usable  # places that a fixed group fills already, and groups for the others
    short = [f"{name!r} has {n}" for name, n, lacks in zip(classes, have, usable < lacking, strict=True) if lacks]
    if short:
        what = "one for the test part and one a fold" if places.is_open[TEST] else "one a fold"
        closed = "; groups whose part you gave as val or test are not counted" if given & {"val", "test"} else ""
        frozen = (places.fixed >= 0) & places.is_open[places.fixed]
        folds = len(places.is_open) - 1 - int((lacking - usable).max())
        remedy = f"use fewer folds (--set split.folds={folds}), {LESS}" if folds > 1 else LESS
        remedy += f", or {DISCARD}" if frozen.any() else ""
        raise InputError(
            f"a class needs at least {needed} groups of relatives (images that given groups, names or near-duplicates "
            f"tie together), {what}, but {first_few(short, SHOWN)}{closed}; {remedy}"
        )
    names = named(classes, (places.lacking(counts, places.fixed)[TEST] > 0) & ~holds[places.may_test].any(axis=0))
    if names:
        raise InputError(
            f"all images of the classes {names} are given the part train (or are frozen there), and no image the part "
            f"test: draw the test part from the part train too ({RUN}{FROM_TRAIN}), give some of them the part test "
            f"{ADD_AGAIN}, or {DISCARD}"
        )
    in_test = places.fixed == TEST
    if "test" in given and not places.is_open[TEST]:
        names = named(classes, ~holds[in_test].any(axis=0))
        if names:
            raise InputError(
                f"the test part that you gave has no image of {names}: give it some {ADD_AGAIN}, leave the part test "
                "empty so that one is drawn, or drop the class (ingest.drop)"
            )
    if places.is_open[1:].sum() == 1:  # the given validation images are the only training images of one fold
        names = named(classes, ~holds[places.fixed == 1].any(axis=0))
        if names:
            raise InputError(f"with two folds the images of the part val must be of all classes, but {names} has none")
