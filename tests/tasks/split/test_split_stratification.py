"""No relatives are on two sides, no class that could be everywhere is lost, and sizes come near to what was asked."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from sklearn.model_selection import StratifiedGroupKFold
from split_tables import components, long_tail, pair_table, rich_enough, sides_of, tables

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.assignment import check_split, make_split
from tasks.split.by_class import open_targets
from tasks.split.leak_check import find_leaks
from tasks.split.places import Places
from tasks.split.stratification import place_groups
from tasks.split.summary import summarise
from tasks.split.units import FREE
from tasks.tables import SPLITS


def open_places(groups, folds, fixed=None):
    fixed = np.full(groups, FREE) if fixed is None else fixed
    targets = open_targets(Split(folds=folds), has_test=False, has_val=False)
    return Places(targets, fixed, fixed == FREE, np.ones(1 + folds, dtype=int))


def is_feasible(counts, places, fixed=None):
    """Whether groups can be placed so that each class is everywhere: an exact search, by integer programming."""
    number, sides = len(counts), places
    holds = counts > 0
    whole = np.kron(np.eye(number), np.ones(sides))
    everywhere = np.vstack(
        [np.kron(holds[:, k], np.eye(sides)[s]) for k in range(counts.shape[1]) for s in range(sides)]
    )
    least = np.zeros((number, sides))
    for group, at in enumerate(fixed if fixed is not None else []):
        if at >= 0:
            least[group, at] = 1
    constraints = [LinearConstraint(whole, 1, 1), LinearConstraint(everywhere, 1, np.inf)]
    return milp(
        np.zeros(number * sides), constraints=constraints, integrality=1, bounds=Bounds(least.ravel(), 1)
    ).success


def related(seed):
    """A hostile set: given groups of 1 to 8, some joined by near-duplicates, and copies. Labels, groups, pairs."""
    generator = np.random.default_rng([seed, 7])
    labels, given, folds = long_tail(seed)
    ids = [f"{number:06}" for number in range(len(labels))]
    members = pd.DataFrame({"image_id": ids, "given": given}).groupby("given")["image_id"].apply(list)
    pairs = [(a, b, "given") for own in members for a, b in itertools.pairwise(own)]
    for kind, number in (("near", len(ids) // 40), ("content", len(ids) // 60)):
        for first, second in generator.integers(0, len(ids), (number, 2)):
            if first != second:
                pairs.append((ids[min(first, second)], ids[max(first, second)], kind))
    return labels, given, pairs, folds


@pytest.mark.parametrize("seed", range(100))
def test_hostile_data_lose_no_feasible_class_and_part_no_relatives(seed):
    labels, given, pairs, folds = related(seed)
    ids = [f"{number:06}" for number in range(len(labels))]
    relatives = components(ids, pairs)
    keep = rich_enough(labels, relatives["group"], folds + 1)
    catalog, _ = tables(labels, relatives["group"], given=given)
    catalog.loc[~keep, "label"] = None  # a class that can't be everywhere is left unlabelled
    splits = make_split(catalog, relatives, Split(folds=folds, seed=seed)).splits
    SPLITS.check(splits)
    used = splits[splits["part"] != "excluded"]
    side = dict(zip(used["image_id"], sides_of(used), strict=True))
    assert set(side) == set(np.array(ids)[keep])
    assert not [(a, b) for a, b, _ in pairs if a in side and b in side and side[a] != side[b]]
    own = used.groupby(relatives.set_index("image_id")["group"].loc[used["image_id"]].to_numpy())
    assert all(len({side[image] for image in images}) == 1 for images in own["image_id"].apply(list))
    counts = pd.crosstab(used["label"], sides_of(used))
    assert counts.shape == (len(set(np.array(labels)[keep])), folds + 1)
    assert (counts > 0).all(axis=None)
    assert not find_leaks(splits, catalog, relatives, pair_table(pairs)).kinds
    largest = used["group"].value_counts().max()
    targets = np.array([0.2] + [0.8 / folds] * folds) * len(used)
    assert (np.abs(counts.sum(axis=0) - targets) <= counts.shape[0] * largest).all()


@pytest.mark.parametrize("seed", range(60))
def test_where_relatives_belong_to_several_classes_all_that_is_possible_is_found(seed):
    """Small classes in tight mixed groups, half of them with groups that are settled, against an exact search."""
    generator = np.random.default_rng(seed)
    folds, classes = int(generator.integers(2, 5)), int(generator.integers(3, 6))
    counts = (generator.random((int(generator.integers(8, 20)), classes)) < generator.uniform(0.25, 0.6)).astype(int)
    counts = counts[counts.sum(axis=1) > 0]
    fixed = np.full(len(counts), FREE)
    if seed % 2:
        chosen = generator.choice(len(counts), 4, replace=False)
        fixed[chosen] = generator.integers(0, folds + 1, 4)
    places = open_places(len(counts), folds, fixed)
    order = np.arange(len(counts), dtype=np.uint64)
    if is_feasible(counts, folds + 1, fixed):
        place = place_groups(counts, places, order, list("abcdef"[:classes]))
        assert all((counts[place == side].sum(axis=0) > 0).all() for side in range(folds + 1))
        assert (place[fixed >= 0] == fixed[fixed >= 0]).all()
    else:
        with pytest.raises(InputError, match="no split was found"):
            place_groups(counts, places, order, list("abcdef"[:classes]))


def tight(seed):
    """A tail from 1000 to 10 in groups of 1 to 8, partly of several classes, and as many folds as the rarest allows."""
    generator = np.random.default_rng([seed, 11])
    labels = np.repeat(
        np.arange(classes := int(generator.integers(4, 11))), np.geomspace(1000, 10, classes).astype(int)
    )
    order = np.arange(len(labels))
    mixed = np.flatnonzero(generator.random(len(labels)) < generator.choice([0, 0, 0.1, 0.3]))
    order[mixed] = generator.permutation(order[mixed])
    sizes = generator.integers(1, 9, len(labels))
    groups = np.empty(len(labels), dtype=int)
    groups[order] = np.repeat(np.arange(len(sizes)), sizes)[: len(labels)]
    folds = max(2, pd.DataFrame({"label": labels, "group": groups}).groupby("label")["group"].nunique().min() - 1)
    keep = rich_enough(labels, groups, folds + 1)
    return labels[keep].astype(str), groups[keep].astype(str), int(folds)


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_where_scikit_learn_loses_classes_none_is_lost_and_shares_are_nearer_to_what_was_asked():
    """Over long tails: sets in which a class is lost, and the chi-squared distance of all counts from their targets."""
    lost, distances = np.zeros(2, dtype=int), []
    for seed in range(20):
        labels, groups, folds = tight(seed)
        counts = both(labels, groups, folds, seed)
        goals = np.outer(counts[0].sum(axis=1), [0.2] + [0.8 / folds] * folds)
        lost += (counts == 0).any(axis=(1, 2))
        distances.append(((counts - goals) ** 2 / goals).sum(axis=(1, 2)))
    assert lost[0] >= 4  # of 20
    assert lost[1] == 0
    theirs, ours = np.mean(distances, axis=0)
    assert ours < 0.75 * theirs


def both(labels, groups, folds, seed):
    """Images a class and side, test part first, of scikit-learn's split and of ours, shape (2, K, 1 + folds)."""
    theirs = np.full(len(labels), -1)
    rest, _ = next(StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups))
    inner = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, own) in enumerate(inner.split(labels[rest], labels[rest], groups[rest])):
        theirs[rest[own]] = fold
    params = Split(folds=folds, seed=seed)
    ours = sides_of(make_split(*tables(list(labels), list(groups)), params).splits)
    return np.array([pd.crosstab(labels, sides).to_numpy() for sides in (theirs, ours.to_numpy())])


def test_a_few_large_groups_of_several_classes_come_nearer_to_their_shares_than_scikit_learn_brings_them():
    """As in the sample photos: 44 modules of 60 cells, each of its own mixture of four classes."""
    distances = []
    for seed in range(10):
        generator = np.random.default_rng(seed)
        mixtures = generator.dirichlet(np.array([5.7, 1.1, 0.4, 2.7]) / 3, 44)
        labels = np.concatenate([generator.choice(list("abcd"), 60, p=mixture) for mixture in mixtures])
        counts = both(labels, np.repeat([f"g{number:02}" for number in range(44)], 60), 5, seed)
        goals = np.outer(counts[0].sum(axis=1), [0.2] + [0.16] * 5)
        distances.append(((counts - goals) ** 2 / goals).sum(axis=(1, 2)))
    theirs, ours = np.mean(distances, axis=0)
    assert ours < 0.3 * theirs


@pytest.mark.parametrize("seed", range(5))
def test_no_exchange_of_two_groups_brings_the_class_that_is_furthest_off_nearer(seed):
    generator = np.random.default_rng(seed)
    counts = generator.poisson(generator.gamma(0.7, 8, (44, 4)))
    order = generator.permutation(44).astype(np.uint64)
    places = open_places(44, 5)
    place = place_groups(counts, places, order, list("abcd"))
    goal = np.outer(places.targets, counts.sum(axis=0))
    have = np.array([counts[place == at].sum(axis=0) for at in range(6)])
    assert (have > 0).all()
    distance = ((have - goal) ** 2 / goal).sum()
    worst = int(((have - goal) ** 2 / goal).sum(axis=0).argmax())
    source = int(((have - goal) / np.sqrt(goal))[:, worst].argmax())
    for group in np.flatnonzero((place == source) & (counts[:, worst] > 0)):
        for target in np.flatnonzero((have - goal)[:, worst] < 0):
            for other in [None, *np.flatnonzero(place == target)]:
                changed = place.copy()
                changed[group] = target
                if other is not None:
                    changed[other] = source
                now = np.array([counts[changed == at].sum(axis=0) for at in range(6)])
                assert (now == 0).any() or ((now - goal) ** 2 / goal).sum() > distance - 1e-6


def test_exchanges_keep_settled_groups_given_training_groups_and_the_quota():
    for seed in range(20):
        generator = np.random.default_rng(seed)
        counts = generator.integers(0, 9, (40, 3)) * (generator.random((40, 3)) < 0.5)
        counts = counts[counts.sum(axis=1) > 0]
        fixed = np.where(generator.random(len(counts)) < 0.3, generator.integers(0, 4, len(counts)), FREE)
        open_ones = open_places(len(counts), 3, fixed)
        places = replace(open_ones, may_test=(fixed == FREE) & (generator.random(len(counts)) < 0.6))
        place = place_groups(counts, places, np.arange(len(counts), dtype=np.uint64), list("abc"))
        assert (place[fixed >= 0] == fixed[fixed >= 0]).all()
        assert places.may_test[(fixed < 0) & (place == 0)].all()
        assert all((counts[place == at] > 0).any(axis=0).all() for at in range(4))


def test_neither_the_order_of_rows_nor_a_new_run_changes_the_split_but_the_seed_does():
    labels, groups, _ = long_tail(1)
    catalog, relatives = tables(labels, groups)
    first = make_split(catalog, relatives, Split(folds=2)).splits
    shuffled = make_split(
        catalog.sample(frac=1, random_state=1), relatives.sample(frac=1, random_state=2), Split(folds=2)
    ).splits
    pd.testing.assert_frame_equal(first, shuffled)
    assert not first["part"].equals(make_split(catalog, relatives, Split(folds=2, seed=1)).splits["part"])


def test_a_class_with_too_few_groups_is_named_with_the_ways_out():
    labels = ["a"] * 30 + ["rare"] * 12
    groups = [f"g{number}" for number in range(30)] + [f"r{number // 3}" for number in range(12)]
    with pytest.raises(InputError) as caught:
        make_split(*tables(labels, groups), Split(folds=5))
    for words in ("at least 6 groups", "'rare' has 4", "split.folds", "ingest.rename", "ingest.drop"):
        assert words in str(caught.value)
    assert "frozen" not in str(caught.value)
    assert "--set split.folds=3)" in str(caught.value), "the largest number that can be had"
    make_split(*tables(labels, groups), Split(folds=3))


def test_a_class_that_no_number_of_folds_helps_is_to_be_merged_or_left_out():
    labels = ["a"] * 30 + ["rare"] * 12
    groups = [f"g{number}" for number in range(30)] + [f"r{number // 6}" for number in range(12)]
    with pytest.raises(InputError, match=r"'rare' has 2; merge classes \(ingest.rename\), or leave them out"):
        make_split(*tables(labels, groups), Split(folds=5))


def test_unlabelled_images_are_excluded():
    labels = ["a", "b"] * 20 + [None] * 3
    assignment = make_split(*tables(labels, [f"g{number // 2}" for number in range(43)]), Split(folds=2))
    splits = assignment.splits
    assert splits["part"].eq("excluded").tolist() == [False] * 40 + [True] * 3
    assert splits.loc[splits["part"] == "excluded", "fold"].isna().all()
    excluded = summarise(assignment)["excluded"]
    assert (excluded["images"], excluded["unlabelled"], excluded["related"]) == (3, 3, [])


def test_the_check_finds_relatives_on_two_sides():
    good = make_split(*tables(["a", "b"] * 20, [f"g{number // 4}" for number in range(40)]), Split(folds=2)).splits
    check_split(good)
    other_fold = good.copy()
    row = other_fold.index[other_fold["part"] == "train"][0]
    other_fold.loc[row, "fold"] = 1 - other_fold.loc[row, "fold"]
    with pytest.raises(ValueError, match="two sides"):
        check_split(other_fold)
    other_part = good.copy()
    other_part.loc[row, ["part", "fold"]] = ["test", None]
    with pytest.raises(ValueError, match="two sides"):
        check_split(other_part)
    repeated = pd.concat([good, good.assign(repeat=1, group="all")])
    repeated.loc[repeated["repeat"] == 1, ["part", "fold"]] = ["test", None]
    with pytest.raises(ValueError, match="another part"):
        check_split(repeated)
