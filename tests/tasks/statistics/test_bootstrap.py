"""The bootstrap: what is drawn together, how often, and what that says."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.bootstrap import Bootstrap, bootstrap_means, drawn_groups, percentiles

COUNTS = (120, 40, 15)
LABELS = np.repeat([0, 1, 2], COUNTS)


def test_relatives_are_drawn_together() -> None:
    values = np.array([[1.0, 1, 0, 0, 0, 0]])
    groups = np.array([0, 0, 1, 1, 2, 2])
    means = bootstrap_means(values, groups, 2000)[0]
    assert set(np.round(means * 3).astype(int)) == {0, 1, 2, 3}
    np.testing.assert_allclose(means * 3, np.round(means * 3), atol=1e-9)


def test_relatives_are_drawn_together_and_classes_keep_their_number_of_groups() -> None:
    groups = np.arange(len(LABELS)) // 5  # no group has two classes
    for images, fits in Bootstrap.of(LABELS, groups, 2, 300, 0).chunks():
        for group in np.unique(groups):
            assert (np.ptp(images[groups == group], axis=0) == 0).all()
        for code in range(3):
            assert (images[code == LABELS].sum(axis=0) == COUNTS[code]).all()
        np.testing.assert_allclose(fits.sum(axis=0), 1)


def test_every_resample_holds_as_many_groups_with_the_rarest_class_as_the_data() -> None:
    groups = np.arange(len(LABELS))
    groups[:15] = groups[-15:]  # each image of the rarest class has a relative in the commonest
    groups = np.unique(groups, return_inverse=True)[1]
    for images, _ in Bootstrap.of(LABELS, groups, 2, 200, 0).chunks():
        assert (images[LABELS == 2].sum(axis=0) == 15).all()


def test_resampled_fits_spread_as_the_mean_of_the_fits_does() -> None:
    fits = np.array([0.2, 0.5, 0.8])
    weights = np.concatenate(
        [drawn for _, drawn in Bootstrap.of(LABELS, np.arange(len(LABELS)), 3, 4000, 0).chunks()], axis=1
    )
    spread = (fits @ weights).var()
    # The variance of 4,000 draws is known to about 2 %; a bootstrap of three fits from three would be off by a third.
    assert spread == pytest.approx(fits.var(ddof=1) / 3, rel=0.08)


def test_resampled_repeats_spread_as_the_mean_of_fits_that_share_their_folds_does() -> None:
    """What the fits of a repeat have in common is no less uncertain for being fitted four times."""
    of_repeat, own = np.array([0.2, 0.5, 0.8]), np.random.default_rng(0).normal(0, 0.01, (4, 3))
    fits = (of_repeat + own).ravel()  # those of the repeats take turns
    bootstrap = Bootstrap.of(LABELS, np.arange(len(LABELS)), 12, 4000, 0, repeats=3)
    weights = np.concatenate([drawn for _, drawn in bootstrap.chunks()], axis=1)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    means = (of_repeat + own).mean(axis=0)
    assert (fits @ weights).var() == pytest.approx(means.var(ddof=1) / 3, rel=0.08)


def test_every_resample_draws_as_many_groups_as_there_are_each_as_often_as_any_other():
    drawn = drawn_groups(12, 4000)
    assert drawn.shape == (4000, 12)
    assert (drawn.sum(axis=1) == 12).all()
    # Draws of a group have the variance 1 - 1/12, so their mean over 4,000 draws has a deviation of .0151.
    assert drawn.mean(axis=0) == pytest.approx(1, abs=4 * 0.0151)
    assert np.array_equal(drawn, drawn_groups(12, 4000))
    assert not np.array_equal(drawn, drawn_groups(12, 4000, seed=1))


def test_bootstrap_means_are_those_of_the_drawn_images():
    stream = np.random.default_rng(3)
    groups = stream.integers(0, 9, 40)
    groups[:9] = np.arange(9)
    values = stream.normal(size=(2, 40))
    for drawn, means in zip(drawn_groups(9, 20), bootstrap_means(values, groups, 20).T, strict=True):
        assert means == pytest.approx(values[:, np.repeat(np.arange(40), drawn[groups])].mean(axis=1))


def test_percentiles_leave_out_resamples_that_cannot_tell():
    draws = np.append(np.arange(101.0), [np.nan] * 7)
    assert percentiles(draws, 0.9) == pytest.approx((5, 95))
