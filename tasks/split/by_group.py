"""Split by given group: each fold is one group that the user gave, left out in turn; the test part is whole groups.

So a model is judged on a patient, site or machine that it never saw. Given groups that share relatives can't be told
apart that way and are left out together.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.connected import connected_components
from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.given_parts import FROM_VAL, RUN
from tasks.split.places import Places
from tasks.split.stratification import draws, place_groups
from tasks.split.units import FREE, TEST, TRAINING, Units
from tasks.split.wording import ADD_AGAIN, EXCLUDE, named


def place(units: Units, params: Split) -> tuple[np.ndarray, list[str]]:
    """Place of each unit, shape (U, 1); the number of folds is that of the given groups in training.

    Returns
    -------
    place, notes
        The places, and sentences that say which given groups make up the test part and each fold.

    Raises
    ------
    InputError
        Images have no given group or the part val, there are fewer than three given groups, a class is in too few of
        them, or the parts that the user gave tear one.
    """
    joined, given_names, fixed, counts = joined_sets(units)
    has_test = bool((units.images["part"] == "test").any())
    targets = np.array([0.0, 1.0]) if has_test else np.array([params.test_share, 1 - params.test_share])
    sides = Places(targets, fixed.clip(max=1), fixed == FREE, np.array([1, 2]))
    side = place_groups(counts, sides, draws(given_names, params.seed), units.classes)
    in_fold = np.where(side == TEST, TEST, fixed)
    new = np.flatnonzero(in_fold < 0)
    in_fold[new] = max(1, in_fold.max() + 1) + np.arange(len(new))  # given groups are in order of their names
    return in_fold[joined][:, None], fold_notes(in_fold, counts, given_names, units.classes)


def joined_sets(units: Units) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray]:
    """The J sets of given groups: that of each unit, shape (U,), names, settled places, images a class (J, K).

    Raises
    ------
    InputError
        As `place`.
    """
    images = units.images
    check_given(images)
    joined, names = join_given_groups(units)
    fixed = settle(joined, units.fixed[:, 0], names)
    counts = np.zeros((len(fixed), len(units.classes)), dtype=np.int64)
    np.add.at(counts, joined, units.counts)
    check_feasible(counts, units.classes, bool((images["part"] == "test").any()))
    return joined, names, fixed, counts


def check_given(images: pd.DataFrame) -> None:
    """Refuse images without a given group, and given validation images.

    Raises
    ------
    InputError
        With their number, an example and what to do.
    """
    alone = images[images["given"].isna()]
    if len(alone):
        raise InputError(
            f"split.by is group, but {len(alone)} of {len(images)} labelled images have no group from you, for "
            f"instance {alone['path'].iloc[0]}: fill the column group of your table and bring it again with "
            "`equipoise add TABLE --replace`, or use split.by: class"
        )
    val = images[images["part"] == "val"]
    if len(val):
        raise InputError(
            f"split.by is group, where a fold is a given group, but {len(val)} images have the part val, for instance "
            f"{val['path'].iloc[0]}: leave it out {ADD_AGAIN}, make it the test part if there is no other "
            f"({RUN}{FROM_VAL}), or use split.by: class"
        )


def join_given_groups(units: Units) -> tuple[np.ndarray, list[str]]:
    """Which of the J sets of given groups each unit is in, shape (U,), and the names of the sets, in order.

    A set is one given group, or several that have relatives in common.
    """
    pairs = units.images[["unit", "given"]].drop_duplicates()
    names, given = np.unique(pairs["given"].to_numpy(str), return_inverse=True)
    size = len(units.fixed) + len(names)
    component = connected_components(size, pairs["unit"].to_numpy(), len(units.fixed) + given)
    of_name = component[len(units.fixed) :]
    sets, first = np.unique(of_name, return_index=True)
    sets = sets[np.argsort(first)]
    joined = np.argsort(np.argsort(first))[np.searchsorted(np.sort(sets), component[: len(units.fixed)])]
    return joined, [" + ".join(names[of_name == one]) for one in sets]


def settle(joined: np.ndarray, fixed: np.ndarray, names: list[str]) -> np.ndarray:
    """The place of each set of given groups as far as it is settled, shape (J,).

    Raises
    ------
    InputError
        Units of one set are settled in different places.
    """
    places = pd.Series(fixed)
    known = places.where(places >= TEST).groupby(joined).agg(["nunique", "max"])
    waits = (places == TRAINING).groupby(joined).any()
    torn = (known["nunique"] > 1) | (waits & (known["max"] == TEST))
    if torn.any():
        raise InputError(
            f"split.by is group, but the images of {int(torn.sum())} given groups have different parts or folds, the "
            f"first is {names[torn.idxmax()]!r}: leave their images in training out ({EXCLUDE}), give them one part "
            f"{ADD_AGAIN}, or draw anew with `equipoise freeze --discard`"
        )
    settled: np.ndarray = known["max"].fillna(waits.map({True: TRAINING, False: FREE})).to_numpy(np.int64)
    return settled


def check_feasible(counts: np.ndarray, classes: list[str], has_test: bool) -> None:
    """Refuse too few given groups, and classes that are in too few of them.

    Raises
    ------
    InputError
        With the numbers and what to do.
    """
    if len(counts) < 3:
        raise InputError(
            f"split.by: group needs at least 3 given groups without relatives in common, but there are {len(counts)}; "
            "use split.by: class"
        )
    needed = 2 if has_test else 3
    have = (counts > 0).sum(axis=0)
    short = [f"{name!r} is in {number}" for name, number in zip(classes, have, strict=True) if number < needed]
    if short:
        why = "two, so that one can be left out" + (", and one for the test part" if not has_test else "")
        raise InputError(
            f"split.by: group needs each class in at least {needed} given groups without relatives in common "
            f"({why}), but {', '.join(short)}; use split.by: class, or merge or drop classes (ingest.rename, "
            "ingest.drop)"
        )


def fold_notes(in_fold: np.ndarray, counts: np.ndarray, names: list[str], classes: list[str]) -> list[str]:
    """A sentence on the test part and on each fold."""
    notes = ["each fold is one given group, so split.folds is not used"]
    for at in sorted(set(in_fold.tolist())):
        groups = ", ".join(repr(name) for name, place in zip(names, in_fold, strict=True) if place == at)
        missing = named(classes, counts[in_fold == at].sum(axis=0) == 0)
        note = f"the test part is {groups}" if at == TEST else f"fold {at - 1} leaves out {groups}"
        notes.append(note + (f"; it has no image of {missing}" if missing else ""))
    return notes
