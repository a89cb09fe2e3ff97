"""Errors that cost unequally: the decision with the smallest expected cost.

Elkan, The foundations of cost-sensitive learning, IJCAI 2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.errors import require_classes
from tasks.goals import COST_AVOIDED, Goal

Cost = Annotated[float, Field(ge=0, le=1e9)]


class ExpectedCost(Goal):
    """The share of the cost that a classifier avoids.

    1 is no cost at all, 0 what the one decision costs that is cheapest if it is always taken (Drummond and Holte, Cost
    curves, Machine Learning 65, 2006, normalise alike).
    """

    name: Literal["expected_cost"] = "expected_cost"
    corrected: ClassVar[bool] = True
    cost: dict[str, dict[str, Cost]] = Field(
        default_factory=dict,
        description="What it costs to take an image of the first class for the second; 1 for errors that aren't named.",
    )

    @property
    def metric(self) -> str:
        """See `Goal`."""
        return COST_AVOIDED

    @property
    def label(self) -> str:
        """See `Goal`."""
        return "the share of the cost avoided"

    def require(self, classes: Sequence[str]) -> None:
        """See `Goal`."""
        named = [label for actual, row in self.cost.items() for label in (actual, *row)]
        require_classes(named, classes, "params.yaml: compare.goal.cost")

    def costs(self, classes: Sequence[str]) -> NDArray[np.float64]:
        """See `Goal`."""
        matrix = 1.0 - np.eye(len(classes))
        for actual, row in self.cost.items():
            for decided, cost in row.items():
                matrix[classes.index(actual), classes.index(decided)] = cost
        return matrix
