"""Split by time: the latest images are the test part, and the folds are blocks of time that follow each other.

So a model is judged on what came after everything that it learned from. A group's time is that of its latest image, so
that no training image is a relative of the future.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split.units import TEST, Units
from tasks.split.wording import ADD_AGAIN, named

FUTURE = "is later than the first test image, but has relatives in training"
OTHERWISE = "use split.by: class, or merge or drop classes (ingest.rename, ingest.drop)"


def place(units: Units, params: Split) -> tuple[Units, np.ndarray, list[str]]:
    """Place of each unit, shape (U, 1).

    Where an assignment is frozen its blocks keep their beginnings, and a new image goes to the block that its time
    falls into: one that is later than the first test image to the test part. If it has relatives in training it can go
    nowhere and is left out.

    Returns
    -------
    units, place, notes
        The units without the images that were left out, their places, and sentences for the reader.

    Raises
    ------
    InputError
        Images have a given part or no time, there are too few different times, the frozen assignment was not made by
        time, or a class is missing from the test part or from what a fold's models learn from.
    """
    times = image_times(units.images)
    fixed = units.fixed[:, 0]
    unit = units.images["unit"].to_numpy()
    blocks = np.array([*range(1, 1 + params.folds), TEST])  # places in order of time
    settled = units.images["is_settled"].to_numpy()
    if settled.any():
        starts = frozen_starts(times[settled], unit[settled], fixed, blocks)
        late = ~settled & (fixed[unit] > TEST) & (times >= starts[-1])
        units = units.without(pd.Series(late, index=units.images.index), FUTURE)
        times, unit, fixed = times[~late], units.images["unit"].to_numpy(), units.fixed[:, 0]
    latest = np.full(len(fixed), times.min())
    np.maximum.at(latest, unit, times)
    if not settled.any():
        shares = np.array([(1 - params.test_share) / params.folds] * params.folds + [params.test_share])
        starts = cut(latest, np.bincount(unit), shares)
    drawn = blocks[np.searchsorted(starts, latest, side="right").clip(min=1) - 1]
    placed = np.where(fixed >= 0, fixed, drawn)
    return units, placed[:, None], check_classes(units, placed, params.folds)


def image_times(images: pd.DataFrame) -> np.ndarray:
    """When each image was taken, shape (n,), nanoseconds.

    Raises
    ------
    InputError
        Images have a given part, or no time.
    """
    given = images[images["part"].notna()]
    if len(given):
        raise InputError(
            f"split.by is time, but {len(given)} images have a part from you, for instance {given['path'].iloc[0]}: "
            f"leave the parts out {ADD_AGAIN}, or use split.by: class"
        )
    times = pd.to_datetime(images["taken"], format="ISO8601", utc=True, errors="coerce")
    if times.isna().any():
        example = images.loc[times.isna(), "path"].iloc[0]
        raise InputError(
            f"split.by is time, but {int(times.isna().sum())} of {len(images)} labelled images have no time in their "
            f"EXIF data, for instance {example}: take them out of data/raw, leave their label empty, or use "
            "split.by: class"
        )
    return np.array(times.dt.tz_localize(None), dtype="datetime64[ns]").astype(np.int64)


def cut(times: np.ndarray, sizes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Beginnings of blocks of time whose shares of the images come near to `shares`, shape (B,).

    Units of the same time stay together, so that no block begins within a time.

    Raises
    ------
    InputError
        There are fewer different times than blocks.
    """
    distinct, number = np.unique(times, return_inverse=True)
    blocks = len(shares)
    if len(distinct) < blocks:
        raise InputError(
            f"split.by is time, but groups of relatives end at only {len(distinct)} different times, and "
            f"{blocks} are needed, one for the test part and one a fold: use fewer folds (split.folds), or "
            "split.by: class"
        )
    before = np.concatenate([[0], np.cumsum(np.bincount(number, weights=sizes))])
    begins = [0]
    for block, target in enumerate(np.cumsum(shares)[:-1] * before[-1], start=1):
        possible = np.arange(begins[-1] + 1, len(distinct) - (blocks - block) + 1)
        begins.append(int(possible[np.abs(before[possible] - target).argmin()]))
    return np.array(distinct[begins])


def frozen_starts(times: np.ndarray, unit: np.ndarray, fixed: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Beginnings of the blocks that frozen images make, shape (B,); a block without any begins with the next.

    Raises
    ------
    InputError
        The blocks don't follow each other in time, so that the assignment was made otherwise.
    """
    latest = pd.Series(times).groupby(unit).max()
    ends = latest.groupby(fixed[latest.index]).agg(["min", "max"]).reindex(blocks)
    present = ends.dropna()
    if (present["max"].to_numpy()[:-1] >= present["min"].to_numpy()[1:]).any():
        raise InputError(
            "split.by is time, but data/frozen.csv holds an assignment whose folds and test part don't follow each "
            "other in time: draw anew with `equipoise freeze --discard`, or use split.by: class"
        )
    starts = ends["min"].bfill().fillna(np.iinfo(np.int64).max)
    return np.array(starts, dtype=np.int64)


def check_classes(units: Units, placed: np.ndarray, folds: int) -> list[str]:
    """Refuse classes that the test part or a fold's training set lacks, and tell those that a fold lacks.

    Raises
    ------
    InputError
        With the classes and what to do.
    """
    counts, classes = units.counts, units.classes
    at = np.array([counts[placed == place].sum(axis=0) for place in range(1 + folds)])
    names = named(classes, at[TEST] == 0)
    if names:
        raise InputError(
            f"split.by is time, but none of the latest images, the test part, is of {names}: raise split.test_share, "
            f"{OTHERWISE}"
        )
    notes = []
    for fold in range(folds):
        names = named(classes, at[1:].sum(axis=0) == at[1 + fold])
        if names:
            raise InputError(
                f"split.by is time, but all training images of {names} lie in fold {fold}, so that its models would "
                f"learn nothing of them: {OTHERWISE}"
            )
        names = named(classes, at[1 + fold] == 0)
        if names:
            notes.append(f"fold {fold} has no image of {names}: none was taken at that time")
    return notes
