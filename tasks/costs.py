"""What errors cost: written by the names of classes, used as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

Cost = Annotated[float, Field(ge=0, le=1e9)]
COSTS = "What it costs to take an image of the first class for the second; 1 for errors that aren't named."


def classes_in(cost: Mapping[str, Mapping[str, float]]) -> list[str]:
    """All classes that are named."""
    return [label for actual, row in cost.items() for label in (actual, *row)]


def cost_matrix(cost: Mapping[str, Mapping[str, float]], classes: Sequence[str]) -> NDArray[np.float64]:
    """The cost of taking an image of the row's class for the column's, shape (K, K), in the order of `classes`."""
    matrix = 1.0 - np.eye(len(classes))
    for actual, row in cost.items():
        for decided, one in row.items():
            matrix[classes.index(actual), classes.index(decided)] = one
    return matrix
