"""The mathematics of mixing against golden values, plain loops and many draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tasks.mixing_formulas import beta_share, cmo_class_probabilities, cut_box, remix_label_share

CIFAR_LT = np.array([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], dtype=float)


@pytest.mark.parametrize(("alpha", "variance"), [(1.0, 1 / 12), (0.2, 1 / (4 * 1.4)), (8.0, 1 / (4 * 17))])
def test_the_share_has_the_mean_and_variance_of_a_beta_distribution(alpha, variance):
    rng = np.random.default_rng(0)
    drawn = np.array([beta_share(alpha, rng) for _ in range(20_000)])
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert_allclose(drawn.mean(), 0.5, atol=0.012)  # four standard errors of the widest
    assert_allclose(drawn.var(), variance, rtol=0.05)


def test_the_same_stream_draws_the_same_share():
    assert beta_share(0.4, np.random.default_rng(3)) == beta_share(0.4, np.random.default_rng(3))


@pytest.mark.parametrize(
    ("share", "first", "second", "expected"),
    [
        (0.3, 100, 100, 0.3),  # alike: as the image is shared
        (0.3, 299, 100, 0.3),  # just below the ratio
        (0.3, 300, 100, 0.0),  # the common class comes first and has little of the image
        (0.5, 300, 100, 0.5),  # the threshold itself is not below it
        (0.7, 300, 100, 0.7),
        (0.7, 100, 300, 1.0),  # the rare class comes first and has most of the image
        (0.5, 100, 300, 0.5),
        (0.3, 100, 300, 0.3),
    ],
)
def test_remix_gives_the_label_to_the_rarer_class(share, first, second, expected):
    found = remix_label_share(share, first, second)
    assert isinstance(found, float)
    assert found == expected


def test_remix_without_a_threshold_is_mixup_and_with_all_of_it_never_shares_with_a_larger_class():
    assert remix_label_share(0.01, 5000, 50, threshold=0.0) == 0.01
    assert remix_label_share(0.99, 5000, 50, threshold=1.0) == 0.0
    assert remix_label_share(0.01, 50, 5000, threshold=1.0) == 1.0


def test_remix_of_arrays_is_that_of_their_numbers_and_of_turned_pairs_the_rest():
    rng = np.random.default_rng(1)
    share, first, second = rng.uniform(size=(40, 1)), rng.choice(CIFAR_LT, (1, 30)), rng.choice(CIFAR_LT, (1, 30))
    found = remix_label_share(share, first, second, ratio=2.5, threshold=0.4)
    expected = [
        [0 if i / j >= 2.5 and s < 0.4 else 1 if i / j <= 1 / 2.5 and 1 - s < 0.4 else s for i, j in pairs]
        for s in share[:, 0]
        for pairs in [list(zip(first[0], second[0], strict=True))]
    ]
    assert_array_equal(found, expected)
    assert_allclose(remix_label_share(1 - share, second, first, ratio=2.5, threshold=0.4), 1 - found, atol=1e-15)


def test_cmo_draws_foregrounds_with_their_golden_probabilities():
    golden = [0.0040, 0.0067, 0.0112, 0.0187, 0.0312, 0.0520, 0.0867, 0.1447, 0.2424, 0.4024]
    found = cmo_class_probabilities(CIFAR_LT)
    assert_allclose(found, golden, atol=6e-5)
    assert math.isclose(found.sum(), 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (4000, 10), (10, 4000), (33, 64)])
@pytest.mark.parametrize("share", [0.0, 1e-9, 0.3, 0.999, 1.0])
def test_a_box_lies_within_the_picture_and_takes_no_more_than_its_share(size, share):
    width, height = size
    rng = np.random.default_rng(0)
    for _ in range(200):
        left, top, right, bottom = cut_box(width, height, share, rng)
        assert 0 <= left <= right <= width
        assert 0 <= top <= bottom <= height
        assert right - left <= width * share**0.5 + 0.5
        assert bottom - top <= height * share**0.5 + 0.5
        if share == 0:
            assert (right - left) * (bottom - top) == 0


def test_a_single_pixel_is_cut_or_left():
    rng = np.random.default_rng(0)
    assert cut_box(1, 1, 1.0, rng) == (0, 0, 1, 1)
    left, top, right, bottom = cut_box(1, 1, 0.2, rng)
    assert (right - left) * (bottom - top) == 0


def test_boxes_have_the_area_that_the_formula_expects_and_reach_every_pixel_alike_but_the_edges():
    """A side of share s and uniform centre keeps ``s - s^2 / 4`` of the picture after clipping."""
    rng = np.random.default_rng(0)
    share, width, height = 0.36, 400, 100
    covered = np.zeros((height, width))
    draws = 4000
    for _ in range(draws):
        left, top, right, bottom = cut_box(width, height, share, rng)
        covered[top:bottom, left:right] += 1
    side = share**0.5
    assert_allclose(covered.mean() / draws, (side - side**2 / 4) ** 2, rtol=0.02)
    inner = covered[40:60, 160:240] / draws  # far enough from the edges
    assert_allclose(inner.mean(), share, atol=0.03)
    assert_allclose(covered[:, ::-1].mean(0) / draws, covered.mean(0) / draws, atol=0.03)


def test_the_same_stream_cuts_the_same_box():
    boxes = [cut_box(640, 480, 0.2, np.random.default_rng(5)) for _ in range(2)]
    assert boxes[0] == boxes[1]
