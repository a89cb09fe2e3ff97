"""Measuring images: each is decoded once for all checks, in one-thread processes, and never again.

This module is what the worker processes import, so the heavy libraries are imported where they are used.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.explore.checks import Check
from tasks.explore.picture import Picture, Source
from tasks.explore.registered_checks import all_checks
from tasks.parallel import chunkwise

if TYPE_CHECKING:
    import pandas as pd

    from tasks.row_store import Row, RowStore
    from tasks.workspace import Workspace


def known_measures(workspace: Workspace, depth: int) -> RowStore:
    """The store of what was measured on the pixels, by the images' content, where the dataset has this depth."""
    from tasks.row_store import RowStore

    modules = sorted({type(check).__module__ for check in _measuring()})
    theirs = [name for name in modules if not name.startswith("tasks.")]
    return RowStore.of(
        workspace,
        "measures",
        code=[__name__, *modules],
        packages=["numpy", "opencv-python-headless", "pillow", "simplejpeg"],
        parameters={"depth": depth}
        | {name: hashlib.sha256(inspect.getsource(sys.modules[name]).encode()).hexdigest() for name in theirs},
    )


def measure_images(raw: Path, catalog: pd.DataFrame, workers: int, store: RowStore) -> pd.DataFrame:
    """The numbers of every image that the checks measure on pixels or take from the catalog.

    Parameters
    ----------
    raw
        The folder below which the catalog's paths lie.
    catalog
        Table `CATALOG`.
    workers
        How many processes work; the result doesn't depend on it.
    store
        That of `known_measures`: only images that it doesn't know are opened.

    Returns
    -------
    pandas.DataFrame
        `image_id` in ascending order and one float column a measure, by name.
    """
    import pandas as pd

    from tasks.progress import Progress

    catalog = catalog.sort_values("image_id", ignore_index=True)
    facts = catalog[list(Source._fields)].itertuples(index=False, name=None)
    source_of = {
        digest: Source(raw / path, *others) for digest, (path, *others) in zip(catalog["sha256"], facts, strict=True)
    }

    def measure(digests: list[str]) -> Iterator[Row]:
        sources = [source_of[digest] for digest in digests]
        return iter(Progress(chunkwise(measure_files, sources, workers), "images measured", total=len(sources)))

    table = pd.DataFrame(store.fill(catalog["sha256"].tolist(), measure))
    for check in all_checks().values():
        table = table.assign(**check.from_catalog(catalog))
    return pd.concat([catalog["image_id"], table[sorted(table.columns)].astype(float)], axis="columns")


def measure_files(sources: list[Source]) -> list[Row]:
    """The measures of each of some images, in their order: a chunk of the work of a process."""
    import cv2

    cv2.setNumThreads(1)  # processes share the cores, not threads
    return measure_pictures([Picture.read(source) for source in sources])


def measure_pictures(pictures: list[Picture]) -> list[Row]:
    """The measures of all checks on each picture; check by check, so that a check's code stays in the cache."""
    rows: list[Row] = [{} for _ in pictures]
    for check in _measuring():
        for row, picture in zip(rows, pictures, strict=True):
            row.update({name: float(value) for name, value in check.measure(picture).items()})
    return rows


@cache
def _measuring() -> list[Check]:
    """The checks that measure pixels."""
    return [check for check in all_checks().values() if type(check).measure is not Check.measure]
