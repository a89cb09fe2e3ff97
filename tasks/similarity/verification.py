"""From which similarity on two images are of one class, and how often that is wrong: found out of fold.

Made by the stage `train`, where the models of the folds are, and kept in the model's own folder: a threshold is one of
this model's similarities and of no other's, and wherever the model goes it must go too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.files import read_json
from tasks.statistics.interval import DECIMALS, Interval
from tasks.statistics.verification import BINS, HeldOut, Rates, borders

FILE = "verification.json"
WANTED = (0.1, 0.05, 0.01, 0.001)  # shares of false accepts that a threshold is chosen for
MOST = 400  # images of a fold that make pairs: 80,000 pairs
STEP = BINS // 100  # borders between two points of the curve that is kept


@dataclass(frozen=True)
class Threshold:
    """From where on two images are called the same.

    Attributes
    ----------
    wanted
        Of the pairs of two classes at most this share shall be called the same.
    similarity
        From which on they are; chosen on the pairs of all folds.
    false_accepts, false_rejects
        Measured on each fold's pairs by a threshold that was chosen on those of the others.
    """

    wanted: float
    similarity: float
    false_accepts: Interval
    false_rejects: Interval


@dataclass(frozen=True)
class Verification:
    """How well a model's similarity tells pairs of one class from pairs of two.

    Attributes
    ----------
    images
        How many made pairs.
    equal_error
        The rate at which false accepts and false rejects are the same.
    area
        The chance that a pair of one class is more similar than one of two.
    thresholds
        One for each of `WANTED`.
    curve
        Similarity, false accepts and false rejects from it on.
    """

    images: int
    equal_error: Interval
    area: Interval
    thresholds: tuple[Threshold, ...]
    curve: tuple[tuple[float, float, float], ...]

    def as_json(self) -> dict[str, Any]:
        """What `of_json` reads."""
        return {
            "images": self.images,
            "equal_error": self.equal_error.as_json(),
            "area": self.area.as_json(),
            "thresholds": [
                {
                    "wanted": one.wanted,
                    "similarity": one.similarity,
                    "false_accepts": one.false_accepts.as_json(),
                    "false_rejects": one.false_rejects.as_json(),
                }
                for one in self.thresholds
            ],
            "curve": [list(point) for point in self.curve],
        }

    @classmethod
    def of_json(cls, facts: dict[str, Any]) -> Verification:
        """What `as_json` gave."""
        thresholds = [
            Threshold(
                one["wanted"],
                one["similarity"],
                Interval(**one["false_accepts"]),
                Interval(**one["false_rejects"]),
            )
            for one in facts["thresholds"]
        ]
        equal_error, area = Interval(**facts["equal_error"]), Interval(**facts["area"])
        return cls(facts["images"], equal_error, area, tuple(thresholds), tuple(map(tuple, facts["curve"])))


def read_verification(folder: Path) -> Verification | None:
    """What stands beside a model; None where nothing does; damaged it is refused (`InputError`)."""
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        return Verification.of_json(read_json(file))
    except (KeyError, TypeError) as error:
        raise InputError(f"{file}: is damaged ({error!r}); `equipoise run --force train` makes it anew") from error


def in_turns(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of at most `MOST` rows, ascending: a row of each class, a second of each, and so on."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels)) - starts
    return np.sort(np.lexsort((labels, rank))[:MOST])


def verify(models: Sequence[HeldOut]) -> Verification | None:
    """What the pairs of each fold say, by the model that has not seen them.

    Parameters
    ----------
    models
        A fold's images and their similarities each; of one fold nothing can be fitted and judged on different pairs,
        and without pairs of one class and of two there is nothing to tell: then it is None.
    """
    if not models:
        return None
    rates = Rates.of(models)
    if not rates.can_be_told:
        return None
    accepts, rejects = rates.errors()
    points = np.column_stack([borders(), accepts[0], rejects[0]])[::STEP]
    return Verification(
        sum(len(one.labels) for one in models),
        rates.equal_error(),
        rates.area(),
        tuple(Threshold(most, rates.threshold(most), *rates.cross_fitted(most)) for most in WANTED),
        tuple((float(a), float(b), float(c)) for a, b, c in points.round(DECIMALS)),
    )
