"""What a comparison needs of a version: its images, where the split has them, its balanced sets, its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from flows.releases.revisions import Revision
from tasks.tables import BALANCED, CATALOG, SPLITS, Table, first_repeat

IMAGES = ("image_id", "path", "paths", "label")
PLACES = ("image_id", "label", "part", "repeat", "fold")
ROWS = ("row_id", "label", "origin", "file")


@dataclass(frozen=True)
class Snapshot:
    """A version, as far as it is compared.

    Attributes
    ----------
    name
        What people call it.
    images
        `image_id`, `path`, `paths` (also of its copies; none in older versions), `label`: a row an image.
    places
        `image_id`, `label`, `part`, `fold`: where the first repeat of the split has each image.
    balanced
        For each recipe, `row_id`, `label`, `origin`, `file`, `content` (md5 of a new image): a row of its set each.
    params
        Its `params.yaml`.
    lacks
        Tables that the version has not; they count as empty.
    """

    name: str
    images: pd.DataFrame
    places: pd.DataFrame
    balanced: dict[str, pd.DataFrame]
    params: dict[str, Any]
    lacks: tuple[str, ...]


def take(version: Revision, recipes: Sequence[str]) -> Snapshot:
    """Read what a comparison of `recipes` needs.

    Raises
    ------
    InputError
        A table that the version has can't be had, or read.
    """
    lacks = []

    def columns_of(table: Table, columns: Sequence[str], item: str = "") -> pd.DataFrame:
        frame = version.table(table, columns, item)
        if frame is None:
            lacks.append(str(table.place(Path(), item)))
            return pd.DataFrame(columns=list(columns))
        return frame

    images = columns_of(CATALOG, IMAGES)
    places = columns_of(SPLITS, PLACES)
    return Snapshot(
        version.name,
        images,
        first_repeat(places).drop(columns="repeat"),
        {recipe: _with_content(columns_of(BALANCED, ROWS, recipe), version, recipe) for recipe in recipes},
        version.params,
        tuple(lacks),
    )


def _with_content(balanced: pd.DataFrame, version: Revision, recipe: str) -> pd.DataFrame:
    folder = f"data/balanced/{recipe}"
    files = version.files(folder) if balanced["file"].notna().any() else {}
    return balanced.assign(content=[files.get(file, "") for file in balanced["file"].fillna("")])
