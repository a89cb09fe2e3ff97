"""Principal components against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.principal_components import principal_axes, principal_components


def test_principal_components_are_those_of_the_standardised_features():
    from sklearn.decomposition import PCA

    values = np.random.default_rng(5).normal(size=(200, 12)) * np.arange(1, 13)
    values[:, 3] = 7  # constant
    ours = principal_components(values, 4)(values)
    deviation = np.where(values.std(axis=0) > 0, values.std(axis=0), 1)
    theirs = PCA(4).fit_transform((values - values.mean(axis=0)) / deviation)
    assert np.abs(ours) == pytest.approx(np.abs(theirs), abs=1e-3)


@pytest.mark.parametrize("shape", [(50, 200), (300, 40)])
def test_all_methods_find_the_same_axes(shape):
    stream = np.random.default_rng(6)
    values = stream.normal(size=shape) @ np.diag(0.7 ** np.arange(shape[1])).astype(np.float32)
    centred = (values - values.mean(axis=0)).astype(np.float32)
    expected = np.linalg.eigh(np.cov(centred.T.astype(np.float64)))[1][:, ::-1][:, :4].T
    for method in ("svd", "covariance", "randomized"):
        found = principal_axes(centred, 4, method)
        assert found.shape == (4, shape[1])
        assert np.abs((found * expected).sum(axis=1)) == pytest.approx(1, abs=1e-3), method
