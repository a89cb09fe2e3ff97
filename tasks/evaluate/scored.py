"""What a strategy predicted for one part of the data, checked against the split and laid out as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks import scores
from tasks.errors import InputError
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.groups import FEWEST_GROUPS, groups_by_class
from tasks.statistics.shares import kish
from tasks.tables import ENSEMBLES, PREDICTIONS, SCORE_PREFIX, first_repeat


@dataclass(frozen=True)
class Scored:
    """The scores of one part of the data under one strategy.

    A fit is one seed of one repeat of the cross-validation; each fit scores every image once.

    Attributes
    ----------
    classes
        The K class names, sorted.
    image_ids
        The n images, sorted.
    labels
        Shape (n,): code of the true class, an index into `classes`.
    groups
        Shape (n,): code of the group of relatives that the image belongs to.
    scores
        Shape (S, n, K): one score an image and class for each of the S fits; see `tasks.scores` for what they allow.
    kind
        What kind of scores they are.
    folds
        Shape (S, n): the fold that holds each image in each fit's cross-validation; None for the test part.
    decided
        Shape (S, n): decisions under the goal (`tasks.evaluate.deciding`); None: for the largest score.
    corrected
        Shape (S, n, K): corrected log-probabilities for the class shares of the data, whatever the mix that decisions
        are made for (`tasks.evaluate.deciding`); None where there are none.
    repeats
        Number of repeats of the cross-validation, whose fits take turns in `scores`.
    """

    classes: list[str]
    image_ids: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    scores: np.ndarray
    kind: str = "logit"
    folds: np.ndarray | None = None
    decided: np.ndarray | None = None
    corrected: np.ndarray | None = None
    repeats: int = 1

    @classmethod
    def of(cls, predictions: pd.DataFrame, splits: pd.DataFrame, part: str) -> Scored:
        """Lay out the rows of `part` and check them against the split.

        Parameters
        ----------
        predictions
            Table `PREDICTIONS` of one strategy; rows of other parts are left alone.
        splits
            Table `SPLITS`.
        part
            ``train`` (out-of-fold predictions) or ``test``.

        Raises
        ------
        InputError
            An image of the part is not predicted exactly once a seed; a label, a fold or the classes differ from the
            split; a score is not finite; or a class has no image in the part.
        """
        truth = splits[splits["part"] == part].sort_values(["repeat", "image_id"], ignore_index=True)
        if part == "test":  # the same in every repeat, and predicted once, by models that know of no fold
            truth = first_repeat(truth).reset_index(drop=True)
        rows = predictions[predictions["part"] == part].sort_values(["seed", "repeat", "image_id"], ignore_index=True)
        classes = _classes(splits, part)
        columns = [SCORE_PREFIX + name for name in classes]
        given = [str(name) for name in rows.columns if str(name).startswith(SCORE_PREFIX)]
        if sorted(given) != sorted(columns):
            raise InputError(f"scores are for {given}, but the classes of the split are {classes}")
        seeds = rows["seed"].unique()
        for seed in seeds:
            _check_rows(rows[rows["seed"] == seed].reset_index(drop=True), truth, f"part {part}, seed {seed}")
        repeats = truth["repeat"].nunique()
        if not len(seeds) or truth.groupby("image_id").size().ne(repeats).any():
            raise InputError(f"the part {part} is not predicted, or differs between the repeats of the split")

        first = truth[truth["repeat"] == truth["repeat"].iloc[0]]
        values = rows[columns].to_numpy(np.float64).reshape(len(seeds) * repeats, len(first), len(classes))
        if not np.isfinite(values).all():
            raise InputError(f"{int((~np.isfinite(values)).sum())} scores of the part {part} are not finite numbers")
        return cls(
            classes=classes,
            image_ids=first["image_id"].to_numpy(),
            labels=np.searchsorted(classes, first["label"].to_numpy()),
            groups=np.unique(first["group"].to_numpy(str), return_inverse=True)[1],
            scores=values,
            kind=_kind(rows),
            folds=_folds(truth, len(seeds), len(first)) if part == "train" else None,
            repeats=repeats,
        )

    @property
    def fits(self) -> int:
        """Number of fits S."""
        return int(self.scores.shape[0])

    def repeated(self, times: int) -> Scored:
        """Each fit as often as this, the repeats of the cross-validation taking turns as before."""

        def more(given: np.ndarray | None) -> np.ndarray | None:
            return None if given is None else np.concatenate([given] * times)

        return replace(
            self,
            scores=np.concatenate([self.scores] * times),
            folds=more(self.folds),
            decided=more(self.decided),
            corrected=more(self.corrected),
        )

    @property
    def decisions(self) -> np.ndarray:
        """Shape (S, n): code of the class that is decided for."""
        return scores.decisions(self.scores) if self.decided is None else self.decided

    @property
    def has_probabilities(self) -> bool:
        """Whether the scores say how probable each class is."""
        return scores.has_probabilities(self.kind)

    @property
    def probabilities(self) -> np.ndarray:
        """Shape (S, n, K): the probability of each class, where there are any."""
        return scores.probabilities(self.scores, self.kind)

    @property
    def ranking(self) -> np.ndarray:
        """Shape (S, n, K): what orders the images by how much they look like each class."""
        return scores.ranking(self.scores, self.kind)

    @property
    def class_counts(self) -> np.ndarray:
        """Shape (K,): how many images each class has."""
        return np.bincount(self.labels, minlength=len(self.classes))

    @property
    def group_counts(self) -> np.ndarray:
        """Shape (K,): in how many groups each class occurs."""
        return groups_by_class(self.labels, self.groups, len(self.classes))

    @property
    def effective_group_counts(self) -> np.ndarray:
        """Shape (K,): Kish's effective number of groups of each class, at most that of `group_counts`."""
        return np.array([kish(np.bincount(self.groups[self.labels == code])) for code in range(len(self.classes))])

    @property
    def measurable(self) -> np.ndarray:
        """Shape (K,): whether a class has groups enough for an interval that says something."""
        return self.group_counts >= FEWEST_GROUPS

    @property
    def judged(self) -> np.ndarray:
        """Shape (K,): the classes that a verdict rests on: those that can be measured; all, where no two can."""
        measurable = self.measurable
        return measurable if measurable.sum() > 1 else np.ones_like(measurable)

    def can_tell_of(self, label: str | None) -> bool:
        """Whether a verdict on this class is possible; of no one class: on two or more."""
        return bool(self.measurable.sum() > 1 if label is None else self.measurable[self.classes.index(label)])

    @property
    def rarest(self) -> int:
        """Code of the judged class with the fewest images, the first of them where several tie."""
        return int(np.where(self.judged, self.class_counts, self.class_counts.max() + 1).argmin())

    def bootstrap(self, count: int, seed: int) -> Bootstrap:
        """The bootstrap of these images and fits: `count` draws."""
        return Bootstrap.of(self.labels, self.groups, self.fits, count, seed, self.repeats)


def read_scored(path: Path, splits: pd.DataFrame, part: str) -> Scored:
    """Read one part of a strategy's predictions; rows of other parts are dropped unseen.

    Raises
    ------
    InputError
        The file is missing or not a table of predictions, or does not fit the split (see `Scored.of`); or a class has
        no image in the part, which training again would not mend.
    """
    _classes(splits, part)
    if not path.is_file():
        raise InputError(f"{path}: the predictions are missing; `equipoise run {_maker(path)}` makes them")
    try:
        predictions = pq.read_table(path, filters=[("part", "=", part)]).to_pandas()
        PREDICTIONS.check(predictions)
        return Scored.of(predictions, splits, part)
    except (pa.ArrowException, ValueError, InputError) as error:
        raise InputError(f"{path}: {error}; `equipoise run --force {_maker(path)}` makes them anew") from error


def _maker(path: Path) -> str:
    """The stage that makes a file of predictions."""
    stage = "ensemble" if path.parent.parent.name == ENSEMBLES else "train"
    return f"{stage}@{path.parent.name}"


def _classes(splits: pd.DataFrame, part: str) -> list[str]:
    """The classes of the training part, sorted; each must have an image in `part`."""
    classes = sorted(splits.loc[splits["part"] == "train", "label"].dropna().unique())
    empty = sorted(set(classes) - set(splits.loc[splits["part"] == part, "label"]))
    if empty:
        raise InputError(
            f"the part {part} holds no image of {', '.join(empty)}, so nothing can be said of it; "
            "give the split more of these images, or drop the class (ingest.drop)"
        )
    return classes


def _folds(truth: pd.DataFrame, seeds: int, images: int) -> np.ndarray:
    """The fold of each image, shape (S, n), of fits by seed and repeat; `truth` is sorted by repeat and image."""
    return np.tile(truth["fold"].to_numpy(int).reshape(-1, images), (seeds, 1))


def _kind(rows: pd.DataFrame) -> str:
    """The one kind of all scores."""
    kinds = sorted(rows["kind"].unique())
    if len(kinds) != 1:
        raise InputError(f"scores of several kinds ({', '.join(kinds)}) can't be evaluated together")
    return str(kinds[0])


def _check_rows(rows: pd.DataFrame, truth: pd.DataFrame, where: str) -> None:
    """Refuse predictions of one seed that are not one row for each row of the split."""
    named, wanted = (pd.MultiIndex.from_frame(frame[["repeat", "image_id"]]) for frame in (rows, truth))
    problems = {
        "are missing": wanted.difference(named),
        "are predicted more than once": named[named.duplicated()],
        "do not belong to this part": named.difference(wanted),
    }
    for what, found in problems.items():
        if len(found):
            raise InputError(f"{where}: {len(found)} images {what}, for instance {found[0][1]}")
    for column in ("label", "fold"):
        differs = rows[column].astype("object").fillna("") != truth[column].astype("object").fillna("")
        if differs.any():
            example = rows.loc[differs, "image_id"].iloc[0]
            raise InputError(
                f"{where}: the {column} of {int(differs.sum())} images, for instance {example}, differs from the split"
            )
