"""Rows: what a model may learn from, and the class counts that they amount to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.lineage import TrainingSet
from tasks.train.relatives import BETWEEN

if TYPE_CHECKING:
    from tasks.train.samplers import Sampler


@dataclass(frozen=True, eq=False)
class Rows:
    """One model's own training rows, n of them; made from the training rows of a split by `Rows.of`.

    Attributes
    ----------
    ids
        Of each row the id under which `Inputs` knows its picture: a new image's own, else that of the original. Rows
        that a sampler made between features come last and have none, so there may be fewer ids than rows.
    classes
        The K names; a class's place is its number.
    first
        Shape (n,), 0 to K - 1: the class of every row, of a mixed row the first.
    second
        Shape (n,), 0 to K - 1: the second class of a mixed row; of others the first again.
    share
        Shape (n,), 0 to 1: the first class's share of the label; 1 for rows of one class.
    relatives
        Shape (n,): rows of images that belong to one group of relatives have the same number, at least 0; `BETWEEN` for
        rows of images of several, as mixed ones are and those that a sampler makes. None: no two rows are related.
    """

    ids: list[str]
    classes: list[str]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float32]
    relatives: NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls, training: TrainingSet, balanced: pd.DataFrame, fold: int | None, classes: Sequence[str], where: str
    ) -> Rows:
        """The rows of a balanced set that may train for a fold, in their order.

        Parameters
        ----------
        training
            The training rows of one repeat of the split.
        balanced
            Table `BALANCED`.
        fold
            None for all rows.
        classes
            The class names, in the order of the scores.
        where
            Names the folds in messages.

        Raises
        ------
        InputError
            A class is none of `classes`; one of those has no training row; a share is not between 0 and 1.
        """
        own = training.outside_fold(balanced, fold)
        first, second, share = _labels(own, list(classes), where)
        return cls(picture_ids(own), list(classes), first, second, share, _relatives(own, training))

    def __len__(self) -> int:
        return len(self.first)

    @property
    def mostly(self) -> NDArray[np.int64]:
        """Shape (n,): the class of every row's larger share, the first of two halves."""
        return np.where(self.share >= 0.5, self.first, self.second)

    def with_made(self, classes: NDArray[np.int64]) -> Rows:
        """The rows with others behind them that a sampler made, shape (m,): one class each."""
        ones = np.ones(len(classes), dtype=np.float32)
        return replace(
            self,
            first=np.concatenate([self.first, classes]),
            second=np.concatenate([self.second, classes]),
            share=np.concatenate([self.share, ones]),
            relatives=np.concatenate([self.related, np.full(len(classes), BETWEEN)]),
        )

    def take(self, kept: NDArray[np.int64] | slice) -> Rows:
        """Some rows, by their numbers; ids are left as they are."""
        return replace(
            self,
            first=self.first[kept],
            second=self.second[kept],
            share=self.share[kept],
            relatives=self.related[kept],
        )

    def head(self, number: int) -> Rows:
        """The first `number` rows."""
        return self.take(slice(number))

    @property
    def related(self) -> NDArray[np.int64]:
        """`relatives`, or a number of its own for every row."""
        return np.arange(len(self)) if self.relatives is None else self.relatives

    @property
    def label_mass(self) -> NDArray[np.float64]:
        """Rows a class, shape (K,): the sum of their soft labels."""
        return self._counts @ self._mean_labels

    def drawn(self, sampler: Sampler) -> NDArray[np.float64]:
        """Rows a class, shape (K,), as the sampler draws them: ``N sum_i p_i (soft label of row i)``.

        All rows of one first label are drawn alike, so it is the draws a first label times the mean label of its rows.
        """
        drawn: NDArray[np.float64] = sampler.effective_counts(self._counts) @ self._mean_labels
        return drawn

    @property
    def _counts(self) -> NDArray[np.float64]:
        """Rows a first label, shape (K,)."""
        return np.bincount(self.first, minlength=len(self.classes)).astype(np.float64)

    @property
    def _mean_labels(self) -> NDArray[np.float64]:
        """The mean soft label of the rows of each first label, shape (K, K)."""
        size = len(self.classes)
        share = self.share.astype(np.float64)
        first = np.bincount(self.first * (size + 1), weights=share, minlength=size**2)
        second = np.bincount(self.first * size + self.second, weights=1 - share, minlength=size**2)
        mean: NDArray[np.float64] = (first + second).reshape(size, size) / np.maximum(self._counts, 1)[:, None]
        return mean

    def weights(self, sampler: Sampler) -> NDArray[np.float64]:
        """How often an epoch is expected to hold each row, shape (n,): for families that weigh rows, not draw them."""
        return len(self) * sampler.row_probabilities(self.first, len(self.classes))


def picture_ids(balanced: pd.DataFrame) -> list[str]:
    """The id under which the picture of each row of a balanced set is known: a new image's own, else its original's."""
    rows = zip(balanced["row_id"], balanced["parents"], balanced["file"].notna(), strict=True)
    return [row_id if is_new else parents[0] for row_id, parents, is_new in rows]


def _relatives(own: pd.DataFrame, training: TrainingSet) -> NDArray[np.int64]:
    """See `Rows.relatives`."""
    groups = training.rows["group"].to_numpy(dtype=str)
    number = dict(zip(training.rows["image_id"], np.unique(groups, return_inverse=True)[1].tolist(), strict=True))

    def of(parents: Sequence[str]) -> int:
        first = number[parents[0]]
        return first if all(number[parent] == first for parent in parents) else BETWEEN

    return np.array([of(parents) for parents in own["parents"]], dtype=np.int64)


def _labels(
    own: pd.DataFrame, classes: list[str], where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The first class, the second class and the share of the first of each row, as `Rows` has them."""
    mixed = own["second_label"].notna()
    names = own["label"], own["second_label"].where(mixed, own["label"])
    strange = sorted({*names[0], *names[1]} - {*classes})
    if strange:
        raise InputError(
            f"the balanced set has a class {strange[0]!r} that the training part has not; "
            "`equipoise run --force balance` makes it anew"
        )
    share = 1 - own["second_share"].where(mixed, 0.0)
    wrong = own.loc[~share.between(0, 1), "row_id"]
    if len(wrong):
        raise InputError(
            f"the second class of the mixed row {wrong.iloc[0]} has no share between 0 and 1; "
            "`equipoise run --force balance` makes it anew"
        )
    number = {name: number for number, name in enumerate(classes)}
    first, second = (each.map(number).to_numpy(np.int64) for each in names)
    mass = np.bincount(first, share, len(classes)) + np.bincount(second, 1 - share, len(classes))
    for name, count in zip(classes, mass, strict=True):
        if count == 0:
            raise InputError(
                f"class {name!r} has no training row in {where}: its images lie in one fold (as relatives do), "
                "or the recipe drops them; add images of other groups, or leave the class out (ingest.drop)"
            )
    return first, second, share.to_numpy(np.float32)
