"""Measuring pixels: every image is decoded once for all checks, in one-thread processes.

This module is what the worker processes import, so the heavy libraries are imported where they are used.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tasks.errors import InputError
from tasks.explore.checks import Check
from tasks.explore.picture import Picture
from tasks.images import UnreadableError, open_image, to_rgb
from tasks.registry import parts

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 32  # images a message to a worker process


@cache
def all_checks() -> dict[str, Check]:
    """The checks by name, in the order of the report."""
    checks = {name: cast(type[Check], part)() for name, part in parts("tasks.explore.checks").items()}
    return dict(sorted(checks.items(), key=lambda item: (item[1].order, item[0])))


def measure_images(raw: Path, catalog: pd.DataFrame, workers: int) -> pd.DataFrame:
    """What the checks measure on the pixels of every image.

    Parameters
    ----------
    raw
        The folder below which the catalog's paths lie.
    catalog
        Table `CATALOG`.
    workers
        How many processes work; the result doesn't depend on it.

    Returns
    -------
    pandas.DataFrame
        `image_id` in ascending order and one float column a measure.
    """
    import pandas as pd
    from joblib import Parallel, delayed

    from tasks.workspace import Progress

    catalog = catalog.sort_values("image_id")
    paths = [raw / path for path in catalog["path"]]
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    parallel = Parallel(n_jobs=min(workers, len(chunks)), return_as="generator")
    results = parallel(delayed(measure_files)(chunk) for chunk in chunks)
    rows = (row for chunk in results for row in chunk)
    table = pd.DataFrame(list(Progress(rows, "images measured", total=len(paths))))
    table.insert(0, "image_id", catalog["image_id"].to_numpy())
    return table


def measure_files(paths: list[Path]) -> list[dict[str, float]]:
    """The measures of each of some files, in their order."""
    return [measure_picture(open_picture(path)) for path in paths]


def open_picture(path: Path) -> Picture:
    """Decode an image that the catalog holds.

    Raises
    ------
    InputError
        The file is gone or can't be read any more.
    """
    try:
        return Picture(to_rgb(open_image(path).image))
    except UnreadableError as error:
        raise InputError(f"{path}: {error}; it was in order when the catalog was made, run ingest again") from error


def measure_picture(picture: Picture) -> dict[str, float]:
    """The measures of all checks on one image."""
    return {name: value for check in all_checks().values() for name, value in check.measure(picture).items()}
