"""Cost-sensitive loss: what probabilities are expected to cost where errors cost unequally (Elkan 2001)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from tasks.costs import COSTS, Cost, classes_in, cost_matrix
from tasks.errors import InputError, require_classes
from tasks.train.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class CostSensitive(Loss):
    """``sum_j C[y, j] p_j``, with the softmax of the logits: a class's weight times its costs as multiples of that.

    The weight is the mean cost of the class's errors, so costs leave the prior ``pi_c w_c``, normalised: with two
    classes exactly where the loss puts the decision, with more as near to it as one number a class comes. Logit
    adjustment takes them away with the prior. The goal `expected_cost` decides by calibrated probabilities, and
    calibration takes them away as well, so that they are not counted twice.
    """

    name: Literal["cost_sensitive"] = "cost_sensitive"
    cost: dict[str, dict[str, Cost]] = Field(default_factory=dict, description=COSTS)
    _matrix: NDArray[np.float64] | None = PrivateAttr(default=None)

    @property
    def weighs(self) -> bool:
        """See `Loss`."""
        return bool(self.cost)

    def require(self, classes: Sequence[str]) -> None:
        """See `Component`; a right decision that costs is refused as well, and a class whose errors cost nothing."""
        where = "params.yaml: loss.cost"
        require_classes(classes_in(self.cost), classes, where)
        matrix = cost_matrix(self.cost, classes)
        for label, right, costs in zip(classes, matrix.diagonal(), matrix, strict=True):
            if right > 0:
                raise InputError(f"{where}: {label!r} taken for {label!r} is no error; leave its cost out")
            if not costs.any():
                raise InputError(f"{where}: no error on {label!r} costs anything; give one of them a cost above 0")

    def for_classes(self, classes: Sequence[str]) -> Self:
        """See `Loss`."""
        self.require(classes)
        known = self.model_copy()
        known._matrix = cost_matrix(self.cost, classes)
        return known

    def class_weights(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean cost of an error on each class, shape (K,), in its order."""
        weights: NDArray[np.float64] = self._costs(len(counts)).sum(axis=1) / (len(counts) - 1)
        return weights

    def unweighted(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """See `Loss`."""
        matrix = self._costs(logits.shape[1])
        relative = logits.new_tensor(matrix / self.class_weights(np.ones(len(matrix)))[:, None])
        return (relative[targets] * logits.softmax(1)).sum(1)

    def _costs(self, classes: int) -> NDArray[np.float64]:
        """Shape (K, K); those of `for_classes`, which are needed where a class is named."""
        if self._matrix is not None:
            return self._matrix
        if self.cost:
            raise TypeError("costs by names need the order of the classes: ask for_classes first")
        return cost_matrix({}, [str(number) for number in range(classes)])
