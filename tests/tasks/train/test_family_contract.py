"""What every family promises, with every classifier, detector, network and metric loss that it may hold."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from contract import (
    FAMILIES,
    called,
    each_family,
    each_size,
    is_pickle,
    made_of,
    names_no_model,
    refuse_pickle,
    task_of,
)
from fits import as_inputs
from numpy.testing import assert_allclose, assert_array_equal

from tasks.registry import components
from tasks.train.families import Family


def test_every_family_and_all_that_they_hold_is_in_the_suite() -> None:
    names = {part for family in FAMILIES for part in called(family).split("-")}
    for kind in ("families", "classifiers", "detectors", "metric_losses", "networks"):
        known = components(f"tasks.train.{kind}")
        assert {name for name, one in known.items() if not names_no_model(one())} <= names


@each_family
@each_size
def test_a_fit_of_two_or_fifty_classes_or_a_class_of_one_row_scores_finitely(family: Family, size: int | str) -> None:
    task, made = task_of(size), made_of(family, size)
    scores = made.fitted.predict(as_inputs(task_of(size, first=1).features))
    assert scores.kind == family.score
    assert scores.values.shape == (len(task.targets), task.classes)
    assert scores.values.dtype == np.float64
    assert np.isfinite(scores.values).all()
    assert scores.prior.shape == (task.classes,)
    assert (scores.prior > 0).all()
    assert math.isclose(scores.prior.sum(), 1)


@each_family
@pytest.mark.parametrize("size", [2, 50])
def test_the_same_seed_gives_the_same_bytes(family: Family, size: int) -> None:
    torch.rand(3)
    assert task_of(size).fit(family).files == made_of(family, size).files


@each_family
@each_size
def test_what_is_saved_and_loaded_scores_the_same_and_so_again(family: Family, size: int | str) -> None:
    made, unseen = made_of(family, size), task_of(size, first=1).features
    loaded = made.loaded()
    assert_array_equal(loaded.predict(unseen), made.predict(unseen))
    assert_array_equal(loaded.fitted.prior, made.fitted.prior)
    assert_array_equal(loaded.loaded().predict(unseen), made.predict(unseen))


@each_family
@pytest.mark.parametrize("size", [2, 50])
def test_no_file_holds_a_pickle(family: Family, size: int) -> None:
    files = made_of(family, size).files
    assert files
    for name, data in files.items():
        refuse_pickle(name, data)


def test_the_test_for_pickles_knows_one() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert is_pickle(pickle.dumps({"a": [1, "b"]}, protocol))


@each_family
@pytest.mark.parametrize("size", [2, 50])
def test_an_image_alone_scores_as_among_others(family: Family, size: int) -> None:
    made, unseen = made_of(family, size), task_of(size, first=1).features[::9]
    alone = np.concatenate([made.predict(unseen[row : row + 1]) for row in range(len(unseen))])
    assert_allclose(alone, made.predict(unseen), rtol=1e-4, atol=1e-5)
    assert made.predict(unseen[:0]).shape == (0, size)


@each_family
@pytest.mark.parametrize("size", [2, "three"])
def test_the_order_of_classes_changes_nothing_but_the_order_of_scores(family: Family, size: int | str) -> None:
    """Up to what starts by chance, which goes by order: so the decisions are compared, on rows that lie apart."""
    task = task_of(size)
    order = (1, 0) if task.classes == 2 else (2, 0, 1)
    turned = task_of(size, order).fit(family)
    plain, other = made_of(family, size), turned.predict(task.features)[:, order]
    assert_allclose(turned.fitted.prior[[*order]], plain.fitted.prior)
    same = plain.predict(task.features).argmax(axis=1) == other.argmax(axis=1)
    assert same.mean() > 0.85 - 0.25 * (family.name == "finetune")  # two epochs from a start of its own


@each_family
def test_bfloat16_learns_as_float32_does(family: Family) -> None:
    if "precision" not in type(family).model_fields:
        pytest.skip("has one precision")
    half = family.model_copy(update={"precision": "bfloat16"})
    unseen = task_of(2, first=1)
    right = [
        made.predict(unseen.features).argmax(axis=1) == unseen.targets
        for made in (task_of(2).fit(half), made_of(family, 2))
    ]
    assert np.mean(right[0]) > np.mean(right[1]) - 0.2
