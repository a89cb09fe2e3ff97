"""Linear discriminant analysis against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.discriminant import Moments


def test_the_classifier_agrees_with_scikit_learns():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    generator = np.random.default_rng(3)
    labels = generator.choice(3, 3000, p=[0.6, 0.3, 0.1])
    values = generator.normal(size=(3000, 6)) @ generator.normal(size=(6, 6)) + generator.normal(size=(3, 6))[labels]
    weights, offsets = Moments.of(values, labels, 3).discriminant()
    theirs = LinearDiscriminantAnalysis(solver="lsqr", priors=[1 / 3] * 3).fit(values, labels).predict(values)
    assert ((values @ weights + offsets).argmax(axis=1) == theirs).mean() > 0.98


def test_rows_of_a_class_can_be_exchanged():
    generator = np.random.default_rng(4)
    values, labels = generator.normal(size=(60, 5)), np.arange(60) % 3
    new = generator.normal(size=(7, 5))
    moments = Moments.of(values, labels, 3).without(1, values[labels == 1]).with_rows(1, new)
    kept = labels != 1
    expected = Moments.of(np.vstack([values[kept], new]), np.append(labels[kept], [1] * 7), 3)
    for name in ("counts", "means", "scatter"):
        assert getattr(moments, name) == pytest.approx(getattr(expected, name))
