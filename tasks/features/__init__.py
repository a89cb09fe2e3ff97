"""Feature vectors: a row of numbers an image, made once by a backbone and reused by everything below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tasks.errors import InputError
from tasks.files import read_json, write_json

FOLDS = "folds"
ABOUT = "features.json"  # how they were made, for people and for `require_alike`


@dataclass(frozen=True, eq=False)
class Features:
    """Vectors and the ids of the images, or rows, that they belong to.

    Attributes
    ----------
    ids
        What each row belongs to, in the order of the rows; no id twice.
    values
        The vectors, shape (n, d), float32.
    """

    ids: list[str]
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids don't fit features of shape {self.values.shape}")
        if len(self._row_of) != len(self.ids):
            raise ValueError("an id stands twice in the features")

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    def __contains__(self, name: object) -> bool:
        """Whether an id has a vector."""
        return name in self._row_of

    @classmethod
    def load(cls, folder: Path, fold: int | None = None) -> Features:
        """Read what `save` wrote; the vectors stay on disk until they are taken.

        Parameters
        ----------
        folder
            Of one backbone. Where the backbone was itself fitted to training rows, fold by fold, the features for the
            models of each fold stand in ``folds/<fold>``, and those for models of all training rows in `folder`.
        fold
            For which fold's models; None for those of all training rows.

        Raises
        ------
        InputError
            The folder holds no features, or files that don't fit together.
        """
        folder = place_of(folder, fold)
        try:
            import pandas as pd

            ids = pd.read_parquet(folder / "ids.parquet")["id"].tolist()
            values = np.load(folder / "features.npy", mmap_mode="r", allow_pickle=False)
            return cls(ids, values)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder}: no usable features ({error}); `equipoise run` makes them anew") from error

    def save(self, folder: Path, about: dict[str, Any]) -> None:
        """Write ``features.npy``, ``ids.parquet`` and, for people and later checks, `about` as ``features.json``."""
        np.save(folder / "features.npy", np.ascontiguousarray(self.values, dtype=np.float32), allow_pickle=False)
        import pandas as pd

        pd.DataFrame({"id": pd.Series(self.ids, dtype="str")}).to_parquet(folder / "ids.parquet", index=False)
        write_json(folder / ABOUT, about)

    def take(self, ids: Sequence[str]) -> np.ndarray:
        """The vectors of `ids`, in their order, an id as often as it is named; shape (len(ids), d), in memory.

        Raises
        ------
        InputError
            An id has no vector.
        """
        missing = [name for name in ids if name not in self._row_of]
        if missing:
            raise InputError(
                f"{len(missing)} of {len(ids)} rows have no feature vector, the first is {missing[0]!r}; "
                "`equipoise run --force embed embed_new` makes them anew"
            )
        return np.asarray(self.values[[self._row_of[name] for name in ids]], dtype=np.float32)


def place_of(folder: Path, fold: int | None) -> Path:
    """Where, below the folder of a backbone or of its features, what serves the models of a fold stands.

    That is ``folds/<fold>`` where the backbone was itself fitted fold by fold, else, and for None, the folder itself.
    """
    folds = folder / FOLDS
    return folds / str(fold) if fold is not None and folds.is_dir() else folder


def require_alike(folder: Path, others: Mapping[str, Any], where: str) -> None:
    """Refuse feature vectors made otherwise than those of `folder`: a classifier could tell them by that alone.

    Parameters
    ----------
    folder
        Where features stand, with their ``features.json``.
    others
        What the same file of the others says, or would.
    where
        Names the others in the message.

    Raises
    ------
    InputError
        What differs, and what to run.
    """
    ours = read_json(folder / ABOUT)
    if differing := sorted(key for key in {*ours, *others} if ours.get(key) != others.get(key)):
        here, there = (", ".join(f"{key}: {facts.get(key, 'none')}" for key in differing) for facts in (ours, others))
        raise InputError(
            f"{where} made with {there}, but those in {folder} with {here}; run `equipoise run --force embed embed_new`"
        )
