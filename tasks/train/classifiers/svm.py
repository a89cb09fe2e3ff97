"""A support vector machine (Cortes and Vapnik, Machine Learning 20, 1995) with calibrated probabilities.

Probabilities come from decision values by Platt's logistic regression (Advances in Large Margin Classifiers, 1999),
with several classes by a multinomial one. It is fitted on decisions about rows that the machine had not seen, nor a
relative of theirs, in folds that follow from the rows alone, so that nothing is left to chance. Rows that are copies of
each other are one row with the sum of their weights.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.statistics.scaling import BoundedStandardisation
from tasks.train.estimators import Estimator
from tasks.train.relatives import BETWEEN

FOLDS = 5


class Svm(Estimator):
    """The widest margin between classes, pair by pair, of standardised features."""

    name: Literal["svm"] = "svm"
    has_chance: ClassVar[bool] = False
    kernel: Literal["rbf", "linear"] = Field("rbf", description="Radial basis functions, or the features as they are.")
    cost: float = Field(1.0, gt=0, le=1e6, description="Of a row within the margin, by its weight: C; small is smooth.")
    gamma: float | None = Field(
        None, gt=0, le=1e6, description="Of rbf: 1 / width squared; null: 1 / number of features."
    )

    def make(self, seed: int) -> Any:
        """See `Estimator`."""
        from sklearn.svm import SVC

        return SVC(C=self.cost, kernel=self.kernel, gamma="auto" if self.gamma is None else self.gamma, tol=1e-4)

    def fit(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> Any:
        """See `Classifier`; no two rows are related but copies."""
        return self.fit_apart(values, targets, weights, seed, np.arange(len(values)))

    def fit_apart(
        self,
        values: NDArray[np.float32],
        targets: NDArray[np.int64],
        weights: NDArray[np.float64],
        seed: int,
        relatives: NDArray[np.int64],
    ) -> Any:
        """See `Classifier`; no row between several groups is set aside: others of its class stand for it.

        It is related to rows on both sides, so that its decision would be one about what is known.
        """
        from sklearn.linear_model import LogisticRegression

        values, targets, weights, relatives = _merged(values, targets, weights, relatives)
        standard = BoundedStandardisation.of(values, weights)
        values = standard(values)
        machine = super().fit(values, targets, weights, seed)
        judged = _told_apart(targets, relatives)
        stands_for = np.bincount(targets, weights) / np.bincount(targets, weights * judged)
        values, targets, relatives = values[judged], targets[judged], relatives[judged]
        weights = weights[judged] * stands_for[targets]
        decisions = self._unseen_decisions(values, targets, weights, seed, relatives)
        calibration = LogisticRegression(max_iter=10_000, tol=1e-6).fit(decisions, targets, sample_weight=weights)
        return {**vars(standard), "machine": machine, "calibration": calibration}

    def probabilities(self, fitted: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `Classifier`."""
        scaled = BoundedStandardisation.kept(fitted)(values)
        shares: NDArray[np.float64] = fitted["calibration"].predict_proba(_decisions(fitted["machine"], scaled))
        return shares

    def _unseen_decisions(
        self,
        values: NDArray[np.float32],
        targets: NDArray[np.int64],
        weights: NDArray[np.float64],
        seed: int,
        relatives: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Decision values of each row by a machine that has not seen it, nor a row of its class related to it.

        The only group of a class has to be seen.
        """
        counts = np.empty(int(targets.max()) + 1, dtype=np.int64)  # groups of each class
        place = np.empty(len(targets), dtype=np.int64)
        for number in range(len(counts)):
            _, first, group = np.unique(relatives[targets == number], return_index=True, return_inverse=True)
            counts[number] = len(first)
            place[targets == number] = np.argsort(np.argsort(first))[group.ravel()]  # in the order of their first rows
        folds = FOLDS if (counts > 1).any() else 1  # a class of fewer groups has none to set aside in some
        made = np.empty((len(targets), 1 if len(counts) == 2 else len(counts)))
        for fold in range(folds):
            unseen = place % folds == fold
            seen = ~unseen | (counts[targets] == 1)
            machine = super().fit(values[seen], targets[seen], weights[seen], seed)
            made[unseen] = _decisions(machine, values[unseen])
        return made


def _decisions(machine: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Decision values, shape (n, K), with two classes (n, 1)."""
    made: NDArray[np.float64] = machine.decision_function(values).reshape(len(values), -1)
    return made


def _told_apart(targets: NDArray[np.int64], relatives: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are of one group, shape (n,); of a class that has none of those, all."""
    alone = relatives != BETWEEN
    found: NDArray[np.bool_] = alone | (np.bincount(targets, alone) == 0)[targets]
    return found


def _merged(
    values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], relatives: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The different rows of each class, in an order of their own, each with the sum of the weights of its copies."""
    known = np.column_stack([values.astype(np.float64), targets])
    rows, first, place = np.unique(known, axis=0, return_index=True, return_inverse=True)
    together = np.bincount(place.ravel(), weights).astype(np.float64)
    return rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.int64), together, relatives[first]
