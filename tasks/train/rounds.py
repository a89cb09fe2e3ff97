"""Rounds: which rows a strategy's models are fitted on, which they have not seen, and what can't be fitted on them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.lineage import TrainingSet
from tasks.params.models import Strategy
from tasks.train.rows import Rows


@dataclass(frozen=True)
class Round:
    """One set of training rows, and the rows that its models have not seen.

    Attributes
    ----------
    repeat, fold
        The fold that is left out; None for the round of all training rows, whose unseen rows are the test part.
    unseen
        Rows of `SPLITS`.
    rows
        What its models learn from.
    where
        Names the folds in messages.
    within
        The rounds that leave out one more fold of its own, whose images are then their unseen ones; those that have a
        row of every class.
    """

    repeat: int
    fold: int | None
    unseen: pd.DataFrame
    rows: Rows
    where: str
    within: Callable[[], Iterator[Round]]

    @property
    def targets(self) -> NDArray[np.int64]:
        """The class of every unseen row, shape (n,)."""
        number = {name: number for number, name in enumerate(self.rows.classes)}
        return np.array([number[label] for label in self.unseen["label"]], dtype=np.int64)


def rounds_of(splits: pd.DataFrame, balanced: pd.DataFrame) -> list[Round]:
    """A round a repeat and fold, and last the one of all training rows.

    Raises
    ------
    InputError
        A class has test images but no training image, or none in a round's own set.
    """
    known = splits[splits["part"].isin(["train", "test"])].sort_values(["repeat", "image_id"], ignore_index=True)
    classes = sorted(known.loc[known["part"] == "train", "label"].unique())
    strange = sorted(set(known["label"]) - set(classes))
    if strange:
        raise InputError(
            f"class {strange[0]!r} has test images but no training image: choose another split.seed, or drop it"
        )
    repeats = sorted(int(repeat) for repeat in known["repeat"].unique())
    training = {repeat: TrainingSet.of_split(splits, repeat) for repeat in repeats}

    unseen = {
        (int(repeat), int(fold)): rows
        for (repeat, fold), rows in known.dropna(subset="fold").groupby(["repeat", "fold"])
    }

    def round_of(repeat: int, fold: int | None, unseen_rows: pd.DataFrame, also: int | None = None) -> Round:
        where = "all folds" if fold is None else f"the folds other than {fold}"
        where += f" of repeat {repeat}" if fold is not None and len(repeats) > 1 else ""
        left = training[repeat].outside_fold(balanced, also)
        rows = Rows.of(training[repeat], left, fold, classes, where)
        return Round(repeat, fold, unseen_rows, rows, where, partial(within, repeat, fold))

    def within(repeat: int, fold: int | None) -> Iterator[Round]:
        folds = [own for of, own in unseen if of == repeat and own != fold]
        for other in sorted(folds, key=lambda own: (own < (fold or 0), own)):  # the next one first
            with contextlib.suppress(InputError):
                yield round_of(repeat, fold, unseen[repeat, other], other)

    rounds = [round_of(repeat, fold, rows) for (repeat, fold), rows in unseen.items()]
    test = known[(known["part"] == "test") & (known["repeat"] == repeats[0])]
    return [*rounds, round_of(repeats[0], None, test)]


def refuse_few_rows(strategy: Strategy, one: Round) -> None:
    """Refuse a round in which a class has too few rows for the strategy's sampler (`InputError`)."""
    sampler, classes = strategy.sampler, one.rows.classes
    few = np.bincount(one.rows.first, minlength=len(classes)) < sampler.fewest
    if sampler.fewest > 1 and few.any():
        raise InputError(
            f"class {classes[few.argmax()]!r} has fewer than {sampler.fewest} rows in {one.where}, which sampler "
            f"{sampler.name!r} can't make rows between; add images, or choose sampler: {{name: class_balanced}}"
        )
