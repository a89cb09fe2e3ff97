"""Near-duplicates, and one object in several lights: candidates, confirmed against each image's own look-alikes.

No fixed threshold serves all data: two cells of one product are more alike than two photos of one bird. So an image's
relatives must exceed what it has with images that are surely no relatives of its own: more than `max_size` images can't
all show one object, hence its look-alike of that rank is unrelated. Where all look alike only a copy stands out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import pandas as pd

from tasks.group.candidates import find_candidates
from tasks.group.glances import reduced, spectra
from tasks.group.likeness import HIGHEST, SIDE, Likeness
from tasks.parallel import chunkwise, each
from tasks.progress import Progress, say
from tasks.statistics.scaling import unit_vectors
from tasks.tables import PAIRS

if TYPE_CHECKING:
    from tasks.features import Features
    from tasks.params.models import Group

LEAST = 0.65  # likeness below which nothing is confirmed: different objects were measured to reach about this
MARGIN = 0.3  # by which a relative exceeds the unrelated look-alike, in Fisher's z (the noise of a correlation)
EXAMPLES = 2_000  # images among which look-alikes are looked for
LOOK_ALIKES = 4  # compared closely, from the rank on
TAIL = 4  # times the rank: how far down the scale of the tail is read off
FALSE = 0.01  # unrelated look-alikes an image that may pass
BATCH = 256  # images of a class that are compared with its examples at once
PAIRS_A_CHUNK = 256


@dataclass(frozen=True)
class Near:
    """What was found: confirmed pairs (table `PAIRS`, kind ``near``, distance 1 - likeness), and how."""

    pairs: pd.DataFrame
    summary: dict[str, Any]


def find_near(catalog: pd.DataFrame, features: Features, pictures: np.ndarray, params: Group, workers: int) -> Near:
    """Find pairs of images that show the same thing.

    Parameters
    ----------
    catalog
        Table `CATALOG`, by `image_id`.
    features
        A vector an image.
    pictures
        The picture of each row of the catalog (see `tasks.group.likeness.picture`), shape (n, side, side), uint8.
    params
        Radius, neighbours, turns, and the largest group.
    workers
        Number of processes; changes time only.
    """
    if len(catalog) < 2:
        return Near(PAIRS.empty(), {})
    small = reduced(pictures)
    candidates, summary = find_candidates(catalog, features, spectra(small), params)
    say(f"{len(candidates):,} pairs to look at, {' and '.join(summary['turns'])}")
    threshold = thresholds(pictures, small, catalog["label"].fillna("").to_numpy(), params.max_size, workers)
    likeness = all_likenesses(pictures, candidates, workers)
    threshold = np.maximum(threshold, least(catalog[["width", "height"]].min(axis=1).to_numpy()))
    needed = np.maximum(threshold[candidates[:, 0]], threshold[candidates[:, 1]])
    ids = np.sort(catalog["image_id"].to_numpy()[candidates[:, :2]], axis=1)
    found = pd.DataFrame(
        {"first": ids[:, 0], "second": ids[:, 1], "kind": "near", "distance": (1 - likeness).round(6)}
    )[likeness >= needed]
    found = found.sort_values(["distance", "first", "second"]).drop_duplicates(["first", "second"])
    quantiles = {f"p{share}": round(float(np.percentile(threshold, share)), 4) for share in (5, 50, 95)}
    summary |= {"candidates": len(candidates), "confirmed": len(found), "threshold": quantiles}
    return Near(found.sort_values(["first", "second"], ignore_index=True), summary)


def least(side: np.ndarray) -> np.ndarray:
    """The likeness below which nothing is confirmed, by the shorter side of an image in pixels.

    `LEAST` for images that fill the picture; more for smaller ones, which have fewer pixels that could tell two things
    apart, up to nearly 1 for icons: there only copies count.
    """
    return np.asarray(1 - (1 - LEAST) * np.minimum(1, side / SIDE) ** 2)


def thresholds(
    pictures: np.ndarray,
    small: np.ndarray,
    labels: np.ndarray,
    max_size: int,
    workers: int,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """The likeness from which on a picture's look-alike counts as a relative, shape (n,).

    The look-alike of rank `max_size` in a picture's own class (or of the rank that stands for it among examples) can't
    be a relative any more. From it and the one of `TAIL` times that rank follow the mean and spread of the unrelated
    ones, normal in Fisher's z; a relative must lie so far above that `FALSE` of them would be expected to.

    Parameters
    ----------
    pictures
        Shape (n, side, side), uint8, in order of a content hash: the first of a class are a fair sample of it.
    small
        The same, `reduced`.
    labels
        The class of each, shape (n,).
    max_size
        The most images that show one thing.
    workers
        Number of processes; changes time only.
    known
        Which pictures may be examples, shape (n,), bool, some of each class; all by default.
    """
    glances = unit_vectors(small.reshape(len(small), -1))  # their products are correlations
    batches = []
    for label in sorted(set(labels)):
        rows = np.flatnonzero(labels == label)
        fair = rows if known is None else rows[known[rows]]
        examples = fair[:EXAMPLES]
        rank = max_size * len(examples) / len(fair)
        batches += [_Batch(rows[start : start + BATCH], examples, rank) for start in range(0, len(rows), BATCH)]
    found = np.empty(len(pictures))
    made = each(partial(_thresholds, pictures, glances), batches, workers, chunk=1)
    for batch, values in zip(batches, made, strict=True):
        found[batch.rows] = values
    return found


class _Batch(NamedTuple):
    """Some pictures of one class, the examples of it, and the rank among them of the first that is no relative."""

    rows: np.ndarray
    examples: np.ndarray
    rank: float


def _thresholds(pictures: np.ndarray, glances: np.ndarray, batch: _Batch) -> np.ndarray:
    """The thresholds of the pictures of a batch."""
    cv2.setNumThreads(1)  # processes side by side, a thread each
    rows, examples, rank = batch
    likeness = Likeness(pictures)
    first = max(1, min(round(rank), len(examples) // 2))
    last = min(TAIL * first, len(examples) - 1)
    alike = glances[rows] @ glances[examples].T
    alike[rows[:, None] == examples[None, :]] = -np.inf
    order = np.argsort(-alike, axis=1, kind="stable")
    beyond = 0.0  # a class of a few images tells no spread
    if last > first:
        # How many times the distance between the two ranks the one expected relative in 1 / FALSE lies above the first.
        above, at_first, at_last = (NormalDist().inv_cdf(1 - at / len(examples)) for at in (FALSE, first, last))
        beyond = (above - at_first) / (at_first - at_last)
    found = np.empty(len(rows))
    for at, row in enumerate(rows):
        others = examples[order[at, first - 1 : first - 1 + LOOK_ALIKES]]
        unrelated = max((likeness.straight(int(row), int(other)) for other in others if other != row), default=0.0)
        near, far = np.arctanh(np.clip(alike[at, order[at, [first - 1, last - 1]]], -HIGHEST, HIGHEST))
        found[at] = math.tanh(math.atanh(unrelated) + max(MARGIN, float(near - far) * beyond))
    return found


def all_likenesses(pictures: np.ndarray, pairs: np.ndarray, workers: int) -> np.ndarray:
    """The likeness of pairs of pictures.

    Parameters
    ----------
    pictures
        Shape (n, side, side), uint8.
    pairs
        Rows of the two pictures and the turn of the second, shape (m, 3).

    Returns
    -------
    numpy.ndarray
        Shape (m,), in [-1, 1].
    """
    values = chunkwise(partial(_likenesses, pictures), pairs, workers, chunk=PAIRS_A_CHUNK)
    return np.fromiter(Progress(values, "pairs", total=len(pairs)), dtype=np.float64, count=len(pairs))


def _likenesses(pictures: np.ndarray, pairs: list[np.ndarray]) -> np.ndarray:
    cv2.setNumThreads(1)  # processes side by side, a thread each
    likeness = Likeness(pictures)
    return np.array([likeness.of(int(one), int(other), int(turn)) for one, other, turn in pairs])
