"""The rows of an export: what a part holds, and what is known of each image, from the tables of a version."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from flows.releases.revisions import Revision
from tasks.errors import InputError
from tasks.slugs import slugs
from tasks.tables import BALANCED, CATALOG, SPLITS, Table, first_repeat

PARTS = ("train", "test", "audit")  # the last: of releases that earlier versions made
COLUMNS = (
    *("label", "class_index", "row_id", "origin", "parents", "operation", "parameters", "fold"),
    *("second_label", "second_share", "group", "source"),
)
_FORMATS = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif"}
_ROW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


@dataclass(frozen=True)
class Row:
    """One image of an export.

    Attributes
    ----------
    key
        Its row id: unique in the export, safe as a file name.
    suffix
        How its file's name ends, from the format where the catalog knows it.
    folder
        The slug of its class.
    md5
        DVC's hash of its file.
    place
        Where the workspace has the file, if it has: below the project's root.
    located
        Whether its file says where it was taken, as far as the catalog knows.
    facts
        Its label, lineage and the like, by `COLUMNS`; None where there is nothing to say.
    """

    key: str
    suffix: str
    folder: str
    md5: str
    place: str
    located: bool
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.key + self.suffix


@dataclass(frozen=True)
class Parts:
    """The rows of each part, and the classes in the order of their indices: that of their folders, in every part."""

    rows: dict[str, list[Row]]
    classes: list[str]


def collect_rows(version: Revision, recipe: str, parts: Iterable[str]) -> Parts:
    """The rows of `parts`: the balanced set is the part `train`, the others are originals.

    Raises
    ------
    InputError
        The version lacks a table; a table names an image that the version has not, or that can't be a file's name.
    """
    balanced = _table(version, BALANCED, _BALANCED, ("label", "parents"), recipe)
    splits = _table(version, SPLITS, _SPLITS, ("image_id", "part"))
    catalog = _table(version, CATALOG, _CATALOG, ("path",)).set_index("image_id")
    splits = first_repeat(splits[splits["label"].notna()])
    folders = slugs({*balanced["label"], *splits.loc[splits["part"].isin(PARTS), "label"]})
    facts = _Facts(version, recipe, catalog, splits.set_index("image_id")["group"].to_dict(), folders)
    rows = {
        part: facts.balanced(balanced) if part == "train" else facts.originals(splits[splits["part"] == part])
        for part in parts
    }
    return Parts(rows, facts.classes)


_SPLITS = ("image_id", "group", "label", "part", "repeat")
_CATALOG = ("image_id", "path", "format", "latitude")
_BALANCED = (
    *("row_id", "label", "origin", "parents", "operation", "parameters", "file", "fold"),
    *("second_label", "second_share"),
)


class _Facts:
    """What a version's tables say of its images."""

    def __init__(
        self, version: Revision, recipe: str, catalog: pd.DataFrame, group: dict[str, str], folders: dict[str, str]
    ) -> None:
        self.version = version
        self.made = f"data/balanced/{recipe}"
        self.path = catalog["path"].to_dict()
        self.format = catalog["format"].to_dict()
        self.located = set(catalog.index[catalog["latitude"].notna()])
        self.group = group
        self.slug = folders
        self.classes = sorted(folders, key=folders.__getitem__)  # as readers of folders number them
        self.index = {label: number for number, label in enumerate(self.classes)}
        self.files = {folder: version.files(folder) for folder in ("data/raw", self.made)}

    def balanced(self, table: pd.DataFrame) -> list[Row]:
        return [self._row(row) for row in table.astype(object).where(table.notna(), None).to_dict("records")]

    def originals(self, table: pd.DataFrame) -> list[Row]:
        return [
            self._row(
                {
                    "row_id": image,
                    "label": label,
                    "origin": "original",
                    "parents": [image],
                    "operation": "original",
                    "parameters": "{}",
                }
            )
            for image, label in zip(table["image_id"], table["label"], strict=True)
        ]

    def _row(self, known: dict[str, Any]) -> Row:
        key, parents = str(known["row_id"]), list(known["parents"])
        if not _ROW_ID.fullmatch(key):
            raise InputError(
                f"{self.version.name}: the row id {key!r} can't be the name of a file; "
                "`equipoise run --force balance` makes the set anew, and that can be exported"
            )
        file = known.get("file")
        folder, path = (self.made, file) if file else ("data/raw", self.path.get(parents[0]))
        md5 = self.files[folder].get(str(path))
        if md5 is None:
            raise InputError(
                f"{self.version.name}: row {key} is the image {path!r}, which is not in its {folder}; "
                "`equipoise run` makes the set anew, and that can be exported"
            )
        located = not file and parents[0] in self.located
        kind = None if file else self.format.get(parents[0])
        fold = known.get("fold")
        share = known.get("second_share")
        facts = {
            **dict.fromkeys(COLUMNS),
            **{name: known.get(name) for name in ("label", "origin", "operation", "parameters", "second_label")},
            "row_id": key,
            "class_index": self.index[known["label"]],
            "parents": parents,
            "fold": None if fold is None else int(fold),
            "second_share": None if share is None else float(share),
            "group": self.group.get(parents[0]),
            "source": None if file else path,
        }
        return Row(key, _suffix(str(path), kind), self.slug[known["label"]], md5, f"{folder}/{path}", located, facts)


def _suffix(path: str, kind: Any) -> str:
    """How a file's name ends: as its format has it, since readers of folders go by that; else as it did."""
    own = PurePosixPath(path).suffix.lower()
    return _FORMATS.get(str(kind), own if _SUFFIX.fullmatch(own) else ".img")


def _table(
    version: Revision, table: Table, columns: tuple[str, ...], required: tuple[str, ...], item: str = ""
) -> pd.DataFrame:
    frame = version.table(table, columns, item)
    place = table.place(Path(), item)
    if frame is None:
        raise InputError(
            f"{version.name} has no {place}, so there is nothing to export; choose another version, "
            "or `equipoise run` first"
        )
    for column in required:
        if frame[column].isna().any():
            raise InputError(
                f"{version.name}: {place} has rows without {column}, perhaps because an older version made it; "
                "`equipoise run` makes it anew from the present data, and that can be exported"
            )
    return frame
