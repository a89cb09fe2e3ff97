"""The places of a split, the test part and the folds: how large each should be, and which groups may go there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Places:
    """Where groups may go.

    Attributes
    ----------
    targets
        Share of the images for each place, shape (P,): the test part, then the folds. A place with target 0 is closed:
        it holds what is fixed there and gets no more.
    fixed
        Place of each group that has no choice, negative for the others, shape (G,).
    may_test
        Whether a group may be placed in the test part, shape (G,).
    quota
        How many groups of each class a place needs at least, shape (P,).
    """

    targets: np.ndarray
    fixed: np.ndarray
    may_test: np.ndarray
    quota: np.ndarray

    @property
    def is_open(self) -> np.ndarray:
        """Which places groups may go to, shape (P,)."""
        return self.targets > 0

    def lacking(self, counts: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Groups that each place still needs of each class, given where groups are, shape (P, K); none where closed."""
        have = np.array([(counts[place == at] > 0).sum(axis=0) for at in range(len(self.targets))])
        lacks: np.ndarray = np.where(self.is_open, self.quota, 0)[:, None] - have
        return lacks.clip(min=0)

    def goals(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images that each place should have of each class, and the weight of a squared distance from that.

        With these weights the sum is the chi-squared distance; closed places have weight 0, and their images don't
        count for the others. Both have shape (P, C), where the C columns of `counts` may be sums of classes, too.
        """
        shared = (self.fixed < 0) | self.is_open[self.fixed]
        goal = np.outer(self.targets, np.maximum(counts[shared].sum(axis=0), 1))
        return goal, np.divide(1, goal, out=np.zeros_like(goal), where=goal > 0)
