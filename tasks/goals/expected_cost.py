"""Errors that cost unequally: the decision with the smallest expected cost.

Elkan, The foundations of cost-sensitive learning, IJCAI 2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.costs import COSTS, Cost, classes_in, cost_matrix
from tasks.errors import require_classes
from tasks.goals import COST_AVOIDED, Goal


class ExpectedCost(Goal):
    """The share of the cost that a classifier avoids.

    1 is no cost at all, 0 what the one decision costs that is cheapest if it is always taken (Drummond and Holte, Cost
    curves, Machine Learning 65, 2006, normalise alike).
    """

    name: Literal["expected_cost"] = "expected_cost"
    corrected: ClassVar[bool] = True
    cost: dict[str, dict[str, Cost]] = Field(default_factory=dict, description=COSTS)

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
        require_classes(classes_in(self.cost), classes, "params.yaml: compare.goal.cost")

    def costs(self, classes: Sequence[str]) -> NDArray[np.float64]:
        """See `Goal`."""
        return cost_matrix(self.cost, classes)
