"""Properties of images against labels that were shuffled: which go with the label more than chance would have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasks.explore.binning import Binned
from tasks.explore.probing import Labelled
from tasks.statistics.association import fold_table
from tasks.statistics.permutation import Tested, permutation_test

if TYPE_CHECKING:
    from tasks.params.models import Explore


def against_shuffled_labels(
    properties: Sequence[Binned], statistic: Callable[[np.ndarray], float], rows: Labelled, params: Explore
) -> list[Tested]:
    """Test each property, adjusted for their number.

    Parameters
    ----------
    properties
        Properties of the images of `rows`, in their order.
    statistic
        Of a table by fold, bin and class (see `fold_table`); larger is a stronger relation.
    rows
        Labels, groups and folds.
    params
        Number of shufflings and their seed.
    """
    classes = len(rows.classes)

    def statistics(labels: np.ndarray) -> list[float]:
        tables = (fold_table(one.codes, one.bins, labels, classes, rows.folds) for one in properties)
        return [statistic(table) for table in tables]

    return permutation_test(
        statistics, rows.labels, rows.groups, rows.folds, permutations=params.permutations, seed=params.seed
    )
