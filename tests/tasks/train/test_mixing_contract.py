"""What every mixing promises, beside what `test_train_mixing.py` asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from fits import variants
from numpy.testing import assert_allclose, assert_array_equal

from tasks.registry import components
from tasks.train.labels import Labels
from tasks.train.mixing import Mixing

MIXINGS: list[Mixing] = variants("tasks.train.mixing")
each_mixing = pytest.mark.parametrize("mixing", MIXINGS, ids=repr)
each_size = pytest.mark.parametrize("classes", [2, 50])
SHADES = 8  # rows of a batch, each of one brightness, so that a picture tells what it was made of


def remix_share(mixing: Any, share: float, own: float, other: float) -> float:
    """Chou et al. 2020, for one row: the first class's share of the label."""
    if own / other >= mixing.ratio and share < mixing.threshold:
        return 0.0
    if own / other <= 1 / mixing.ratio and 1 - share < mixing.threshold:
        return 1.0
    return share


# The first class's share of the label: of the mixing, the picture's own share of the input and two counts.
REFERENCE: dict[str, Callable[[Any, float, float, float], float]] = {
    "none": lambda mixing, share, own, other: 1.0,
    "mixup": lambda mixing, share, own, other: share,
    "cutmix": lambda mixing, share, own, other: share,
    "cmo": lambda mixing, share, own, other: share,
    "remix": remix_share,
}


def counts_of(classes: int) -> np.ndarray:
    return np.geomspace(100_000, 1, classes)


def batch(classes: int, mixing: Mixing, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, Labels]:
    """Rows of one shade each, 2, 4, 8 ..., and of several classes."""
    shape = (1, 12, 12) if mixing.inputs == "images" else (3,)
    shades = 2.0 ** torch.arange(1, SHADES + 1)
    rows = shades.reshape(-1, *[1] * len(shape)).expand(SHADES, *shape)
    return rows.to(dtype).contiguous(), Labels(torch.arange(SHADES) * 7 % classes)


def test_every_mixing_has_its_formula() -> None:
    assert {*components("tasks.train.mixing")} <= {*REFERENCE}


@each_mixing
@each_size
def test_the_label_is_that_of_the_formula_for_what_each_row_was_made_of(mixing: Mixing, classes: int) -> None:
    counts = counts_of(classes)
    looked = 0
    for seed in range(30):
        inputs, labels = batch(classes, mixing)
        mixed, soft = mixing.mix(inputs, labels, counts, np.random.default_rng(seed))
        second, shares = soft.mixed or (labels.first, torch.ones(SHADES, dtype=torch.float64))
        means = mixed.reshape(SHADES, -1).mean(dim=1).tolist()
        for row, mean in enumerate(means):
            own, label = 2.0 ** (row + 1), float(shares[row])
            partners = [
                other
                for other in range(SHADES)
                if labels.first[other] == second[row] and other != row and labels.first[row] != second[row]
            ]
            told = []
            for other in partners:  # of those of the class, one explains the row
                share = (mean - 2.0 ** (other + 1)) / (own - 2.0 ** (other + 1))
                if -1e-9 <= share <= 1 + 1e-9:
                    first, then = counts[int(labels.first[row])], counts[int(labels.first[other])]
                    told.append(abs(REFERENCE[mixing.name](mixing, share, first, then) - label))
            if partners:
                looked += 1
                assert min(told) < 1e-6
    assert looked > 20 or mixing.name == "none"


@each_mixing
@each_size
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_every_precision_is_kept_and_finite_at_extreme_counts(mixing: Mixing, classes: int, dtype: torch.dtype) -> None:
    for seed in range(5):
        inputs, labels = batch(classes, mixing, dtype)
        mixed, soft = mixing.mix(inputs, labels, counts_of(classes), np.random.default_rng(seed))
        assert mixed.dtype == dtype
        assert mixed.shape == inputs.shape
        assert mixed.isfinite().all()
        if soft.mixed:
            assert ((soft.mixed[1] >= 0) & (soft.mixed[1] <= 1)).all()
    effective = mixing.effective_counts(counts_of(classes))
    assert np.isfinite(effective).all()
    assert (effective > 0).all()
    assert_allclose(effective.sum(), counts_of(classes).sum())


@each_mixing
@each_size
def test_the_order_of_classes_plays_no_part(mixing: Mixing, classes: int) -> None:
    order = np.random.default_rng(1).permutation(classes)
    place, counts = np.argsort(order), counts_of(classes)
    assert_allclose(mixing.effective_counts(counts[order]), mixing.effective_counts(counts)[order])
    inputs, labels = batch(classes, mixing)
    plain = mixing.mix(inputs, labels, counts, np.random.default_rng(3))
    turned = mixing.mix(inputs, Labels(torch.from_numpy(place)[labels.first]), counts[order], np.random.default_rng(3))
    assert_allclose(turned[0], plain[0])
    if plain[1].mixed and turned[1].mixed:
        assert_array_equal(order[turned[1].mixed[0]], plain[1].mixed[0])
        assert_allclose(turned[1].mixed[1], plain[1].mixed[1])


@each_mixing
def test_the_same_stream_gives_the_same_bits_and_a_row_alone_is_itself(mixing: Mixing) -> None:
    inputs, labels = batch(2, mixing)
    first, second = (mixing.mix(inputs, labels, counts_of(2), np.random.default_rng(3))[0] for _ in range(2))
    assert torch.equal(first, second)
    alone, _ = mixing.mix(inputs[:1], labels.take(torch.tensor([0])), counts_of(2), np.random.default_rng(3))
    assert_allclose(alone, inputs[:1], rtol=1e-12)
