"""Groups: how many independent images stand behind a class."""

from __future__ import annotations

import numpy as np

from tasks.statistics.groups import groups_by_class, groups_of_the_rest


def test_groups_are_counted_once_for_each_class_that_they_hold():
    stream = np.random.default_rng(0)
    labels, groups = stream.choice(4, 60, p=[0.6, 0.2, 0.15, 0.05]), stream.integers(0, 25, 60)
    held = {group: set(labels[groups == group]) for group in groups}
    inside = [sum(label in one for one in held.values()) for label in range(5)]
    outside = [sum(bool(one - {label}) for one in held.values()) for label in range(5)]
    assert groups_by_class(labels, groups, 5).tolist() == inside
    assert groups_of_the_rest(labels, groups, 5).tolist() == outside
