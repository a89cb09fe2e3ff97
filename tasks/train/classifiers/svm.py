"""A support vector machine (Cortes and Vapnik, Machine Learning 20, 1995) with calibrated probabilities.

Probabilities come from decision values by Platt's logistic regression (Advances in Large Margin Classifiers, 1999),
with several classes by a multinomial one. It is fitted on decisions about rows that the machine had not seen, in folds
that follow from the rows alone, so that nothing is left to chance. Rows that are copies of each other are one row with
the sum of their weights: else a copy would stand on both sides of a fold.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.statistics.scaling import BoundedStandardisation
from tasks.train.estimators import Estimator

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
        """See `Classifier`."""
        from sklearn.linear_model import LogisticRegression

        values, targets, weights = _merged(values, targets, weights)
        standard = BoundedStandardisation.of(values, weights)
        values = standard(values)
        decisions = self._unseen_decisions(values, targets, weights, seed)
        return {
            **vars(standard),
            "machine": super().fit(values, targets, weights, seed),
            "calibration": LogisticRegression(max_iter=10_000, tol=1e-6).fit(decisions, targets, sample_weight=weights),
        }

    def probabilities(self, fitted: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """See `Classifier`."""
        scaled = BoundedStandardisation.kept(fitted)(values)
        shares: NDArray[np.float64] = fitted["calibration"].predict_proba(_decisions(fitted["machine"], scaled))
        return shares

    def _unseen_decisions(
        self, values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64], seed: int
    ) -> NDArray[np.float64]:
        """Decision values of each row by a machine that has not seen it; the only row of a class has to be seen."""
        counts = np.bincount(targets)
        place = np.empty(len(targets), dtype=np.int64)
        for number, count in enumerate(counts):
            place[targets == number] = np.arange(count)
        folds = min(FOLDS, int(counts[counts > 1].min(initial=FOLDS)))
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


def _merged(
    values: NDArray[np.float32], targets: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """The different rows of each class, in an order of their own, each with the sum of the weights of its copies."""
    rows, place = np.unique(np.column_stack([values.astype(np.float64), targets]), axis=0, return_inverse=True)
    together = np.bincount(place.ravel(), weights).astype(np.float64)
    return rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.int64), together
