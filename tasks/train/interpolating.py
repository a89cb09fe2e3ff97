"""Samplers that make rows between neighbours of one class, as SMOTE does: what they share.

They see one model's own training rows and nothing else, so no row that the model is scored on can be near what it
learns from; and nothing is stored, because every fold and seed has rows of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.samplers import Sampler

if TYPE_CHECKING:
    from tasks.train.neighbours import Projection


class Interpolating(Sampler):
    """Rows are made on lines between neighbours of one class; then every row, old or new, comes once an epoch."""

    inputs: ClassVar[str] = "features"
    fewest: ClassVar[int] = 2  # a line needs two ends
    not_on_mixed_rows: ClassVar[str] = "makes rows between rows of one class each"
    grow_to: float = Field(
        1.0, gt=0, le=1, description="Share of the largest class's rows that every smaller class is brought up to."
    )
    k_neighbors: int = Field(
        5, ge=1, le=100, description="Nearest rows of its class between which and a row new ones are made."
    )
    components: int = Field(
        64, ge=1, le=1024, description="Dimensions, by PCA of the rows, in which neighbours are looked for."
    )

    @abstractmethod
    def method(self, wanted: dict[int, int], own: int, rows: int, projection: Projection, random_state: int) -> Any:
        """The sampler of imbalanced-learn that makes the rows of one class.

        Parameters
        ----------
        wanted
            The class's number, and the rows that it shall have.
        own, rows
            Rows of the class, at least 2, and of all classes: neighbours can't be more.
        projection
            To the space in which neighbours are near.
        random_state
            Of what is made.
        """

    def class_shares(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Proportional to the counts, those of the new rows among them."""
        shares: NDArray[np.float64] = counts / counts.sum()
        return shares

    def epoch(self, labels: NDArray[np.int64], classes: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """A permutation of the rows."""
        return generator.permutation(len(labels))

    def with_made_rows(
        self, features: NDArray[np.float32], targets: NDArray[np.int64], seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `Sampler`; each class has its own random stream, and fewer neighbours where it has fewer rows."""
        from tasks.train.neighbours import Projection

        counts = np.bincount(targets)
        wanted = round(self.grow_to * counts.max())
        small = [number for number, count in enumerate(counts.tolist()) if count < wanted]
        if not small:
            return features, targets
        projection = Projection.of(features, self.components)
        made = [features]
        for number in small:
            random_state = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
            method = self.method({number: wanted}, int(counts[number]), len(targets), projection, random_state)
            made.append(self.made(method, features, targets))
        return np.concatenate(made), np.concatenate([targets, np.repeat(small, [len(rows) for rows in made[1:]])])

    def made(self, method: Any, features: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """The rows that a `method` of imbalanced-learn adds to `features`, shape (m, d)."""
        rows: NDArray[np.float32] = method.fit_resample(features, targets)[0]
        return rows[len(features) :]
