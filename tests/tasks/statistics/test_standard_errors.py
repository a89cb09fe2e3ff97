"""Standard errors of means in which relatives count once."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.standard_errors import clustered_error


def test_relatives_that_repeat_each_other_add_nothing_to_a_mean():
    generator = np.random.default_rng(1)
    values, labels = generator.normal(size=40), np.arange(40) % 2
    alone = clustered_error(values, labels, np.arange(40))
    assert clustered_error(np.repeat(values, 5), np.repeat(labels, 5), np.arange(200) // 5) == pytest.approx(alone)
    by_hand = np.sqrt(sum(values[labels == c].var() / 20 for c in (0, 1)) / 4 * 40 / 39)
    assert alone == pytest.approx(by_hand)
    assert clustered_error(values, labels, np.zeros(40, dtype=int)) == np.inf
