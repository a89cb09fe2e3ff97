"""Finding the ceiling of features from training images alone, whatever was trained; see `tasks.evaluate.ceiling`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.evaluate.ceiling import FILE, Ceiling, Pair
from tasks.features import Features
from tasks.files import write_json
from tasks.statistics.bayes_error import BayesError, bayes_error, counted_rows
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import Interval
from tasks.statistics.scaling import Standardisation, unit_vectors
from tasks.tables import first_repeat


def write_ceilings(
    splits: pd.DataFrame, backbones: Iterable[str], features: Path, confidence: float, seed: int, folder: Path
) -> None:
    """Write ``ceiling.json``: a ceiling a backbone; none where no two classes can be measured.

    Parameters
    ----------
    splits
        Table `SPLITS`; only training images count.
    backbones
        Those that strategies use.
    features
        The folder that holds the features of each.
    confidence, seed
        Of the intervals.
    folder
        Where to write.
    """
    images = first_repeat(splits[splits["part"] == "train"]).sort_values("image_id")  # ids come from the content
    groups = images.groupby("label")["group"].nunique()
    images = images[images["label"].isin(groups.index[groups >= FEWEST_GROUPS])]
    found = {}
    if images["label"].nunique() > 1:
        for backbone in sorted(backbones):
            found[backbone] = ceiling(images, Features.load(features / backbone), confidence, seed).as_json()
    write_json(folder / FILE, found)


def ceiling(images: pd.DataFrame, features: Features, confidence: float, seed: int) -> Ceiling:
    """The ceiling of some features.

    Parameters
    ----------
    images
        Columns `image_id`, `label` and `group`, sorted by `image_id`, so that chance decides which are looked at.
    features
        Of the images.
    """
    names, labels = np.unique(images["label"].to_numpy(str), return_inverse=True)
    rows = counted_rows(labels)
    labels, groups = labels[rows], np.unique(images["group"].to_numpy(str)[rows], return_inverse=True)[1]
    values = features.take(images["image_id"].iloc[rows].tolist())
    vectors = unit_vectors(Standardisation.of(values)(values))
    found = bayes_error(vectors, labels, groups, seed, confidence)
    others = (found.mixed - np.eye(len(names)) * 2).argmax(axis=1)  # never itself
    of_pair = {
        pair: _reach(_bound_pair(vectors, labels, groups, pair, confidence, seed))
        for pair in {(min(code, other), max(code, other)) for code, other in enumerate(others.tolist())}
    }
    pairs = {
        str(names[code]): Pair(
            str(names[other]), float(found.mixed[code, other]), *of_pair[min(code, other), max(code, other)]
        )
        for code, other in enumerate(others.tolist())
    }
    return Ceiling(len(rows), *_reach(found), pairs)


def _bound_pair(
    vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, pair: tuple[int, int], confidence: float, seed: int
) -> BayesError:
    """The bounds of telling two classes apart."""
    both = np.flatnonzero(np.isin(labels, pair))
    both = both[counted_rows((labels[both] == pair[1]).astype(np.int64))]
    is_second = (labels[both] == pair[1]).astype(np.int64)
    return bayes_error(vectors[both], is_second, np.unique(groups[both], return_inverse=True)[1], seed, confidence)


def _reach(found: BayesError) -> tuple[Interval, Interval]:
    """The bounds of the error as those of what is right."""
    least, most = (Interval(1 - one.value, 1 - one.high, 1 - one.low) for one in (found.upper, found.lower))
    return least, most
