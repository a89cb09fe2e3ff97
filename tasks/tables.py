"""The tables that stages hand to each other: Parquet files, one schema each, checked when written and when read.

A table is a plain `pandas.DataFrame` between the stages' functions; the schemas here say what stands in it, so that a
stage can trust what it gets and a mistake shows where it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import InputError

ORIGINS = ("original", "copy", "augmented", "mixed", "synthetic")
PARTS = ("train", "test", "excluded")
USED_PARTS = PARTS[:2]
SCORE_PREFIX = "score."


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


@dataclass(frozen=True)
class Table:
    """The schema of one table.

    Attributes
    ----------
    name
        What the table is called in messages.
    schema
        Names, types and nullability of the columns, in their order.
    key
        Columns that together name a row: no two rows agree in all of them.
    folder
        Where it stands in a workspace; below that, where there are several, in a folder of the name of each item.
    extra
        Prefix of further float64 columns that follow those of the schema (one score a class).
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    folder: str
    extra: str | None = None

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.parquet"

    def place(self, root: Path, item: str = "") -> Path:
        """Where it stands in the workspace at `root`: the only one, or that of a recipe or strategy."""
        return root / self.folder / item / self.file

    def write(self, frame: pd.DataFrame, path: Path) -> None:
        """Check `frame` and write it to `path`, the same bytes for the same rows.

        Raises
        ------
        ValueError
            The frame does not fit the schema; the message names the column or the rows.
        """
        pq.write_table(self.check(frame), path, compression="zstd")

    def read(self, path: Path) -> pd.DataFrame:
        """Read and check the table at `path`.

        Raises
        ------
        InputError
            The file is missing, or is not this table.
        """
        if not path.is_file():
            raise InputError(f"{path}: the table {self.name} is missing; `equipoise run` makes it")
        try:
            frame = pq.read_table(path).to_pandas()
            self.check(frame)
        except (pa.ArrowException, ValueError) as error:
            raise InputError(f"{path}: not a table {self.name}: {error}; `equipoise run` makes it anew") from error
        return frame

    def empty(self) -> pd.DataFrame:
        """A frame without rows that has the columns and types of the table."""
        return self.schema.empty_table().to_pandas()

    def check(self, frame: pd.DataFrame) -> pa.Table:
        """Return `frame` as an Arrow table of this schema, or say what does not fit (`ValueError`)."""
        schema = self._full_schema(frame)
        missing = [name for name in schema.names if name not in frame.columns]
        unknown = [str(name) for name in frame.columns if name not in schema.names]
        if missing or unknown:
            raise ValueError(f"{self.name}: missing columns {missing}, unknown columns {unknown}")
        for field in schema:
            if not field.nullable and frame[field.name].isna().any():
                rows = frame.index[frame[field.name].isna()].tolist()[:5]
                raise ValueError(f"{self.name}: column {field.name!r} is empty in rows {rows}")
        try:
            table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False, safe=True)
        except (pa.ArrowException, ValueError) as error:
            raise ValueError(f"{self.name}: {error}") from error
        if self.key:
            repeated = frame.duplicated(list(self.key))
            if repeated.any():
                example = frame.loc[repeated, list(self.key)].iloc[0].to_dict()
                raise ValueError(f"{self.name}: {int(repeated.sum())} rows repeat their key, the first is {example}")
        return table.replace_schema_metadata(None)

    def _full_schema(self, frame: pd.DataFrame) -> pa.Schema:
        if self.extra is None:
            return self.schema
        names = [str(name) for name in frame.columns if str(name).startswith(self.extra)]
        return pa.schema([*self.schema, *(_required(name, pa.float64()) for name in names)])


CATALOG = Table(
    "catalog",
    pa.schema(
        [
            _required("image_id", pa.string()),  # first 16 hex digits of sha256
            _required("path", pa.string()),  # below the raw folder, with forward slashes; the first of `paths`
            _required("paths", pa.list_(pa.string())),  # every file with this content
            pa.field("label", pa.string()),  # empty for unlabelled images
            pa.field("group", pa.string()),  # given by the user
            pa.field("part", pa.string()),  # given by the user: train, val or test
            _required("width", pa.int32()),  # pixels, after EXIF orientation
            _required("height", pa.int32()),
            _required("mode", pa.string()),  # Pillow's name; RGB;16 and RGBA;16 for colours of 16 bits a value
            _required("depth", pa.int8()),  # bits a value that are shown: 8, 32, or of 16 those that the dataset uses
            _required("format", pa.string()),  # Pillow's name
            _required("frames", pa.int32()),
            _required("bytes", pa.int64()),
            _required("sha256", pa.string()),
            _required("pixels", pa.string()),  # hash of the decoded RGB pixels and their size, 16 hex digits
            _required("phash", pa.list_(pa.string())),  # 64-bit perceptual hashes, 16 hex digits, of the 8 turns
            pa.field("taken", pa.string()),  # EXIF time, ISO 8601
            pa.field("camera", pa.string()),
            _required("orientation", pa.int8()),  # EXIF, 1 to 8; 1 where absent
            pa.field("latitude", pa.float64()),  # degrees
            pa.field("longitude", pa.float64()),
            pa.field("dpi", pa.float64()),  # pixels an inch that the file names
            pa.field("jpeg_quality", pa.int16()),  # 1 to 100, from the quantisation tables
            _required("sharpness", pa.float64()),  # variance of the Laplacian at full resolution
        ]
    ),
    key=("image_id",),
    folder="data/catalog",
)

REJECTED = Table(
    "rejected",
    pa.schema(
        [
            _required("path", pa.string()),
            pa.field("label", pa.string()),
            _required("reason", pa.string()),  # a short kind, the same for all files of the kind
            _required("detail", pa.string()),  # what exactly happened to this file
        ]
    ),
    key=("path",),
    folder="data/catalog",
)

GROUPS = Table(
    "groups",
    pa.schema([_required("image_id", pa.string()), _required("group", pa.string())]),
    key=("image_id",),
    folder="data/groups",
)

PAIRS = Table(
    "pairs",
    pa.schema(
        [
            _required("first", pa.string()),
            _required("second", pa.string()),
            _required("kind", pa.string()),  # what relates the two: given, content, name or near
            _required("distance", pa.float64()),
        ]
    ),
    key=("first", "second", "kind"),
    folder="data/groups",
)

FLAGS = Table(
    "flags",
    pa.schema(
        [
            _required("image_id", pa.string()),
            _required("flag", pa.string()),  # what is wrong with the image: dark, blurry, outlier, ...
            _required("score", pa.float64()),  # larger is worse; the scale is the flag's own
        ]
    ),
    key=("image_id", "flag"),
    folder="reports/explore",
)

SPLITS = Table(
    "splits",
    pa.schema(
        [
            _required("image_id", pa.string()),
            _required("group", pa.string()),
            pa.field("label", pa.string()),
            _required("part", pa.string()),  # one of PARTS
            _required("repeat", pa.int16()),
            pa.field("fold", pa.int16()),  # 0 to k-1 for training rows, else empty
        ]
    ),
    key=("image_id", "repeat"),
    folder="data/splits",
)

BALANCED = Table(
    "balanced",
    pa.schema(
        [
            _required("row_id", pa.string()),
            _required("label", pa.string()),
            _required("origin", pa.string()),  # one of ORIGINS
            _required("parents", pa.list_(pa.string())),  # image_ids; an original is its own parent
            _required("operation", pa.string()),
            _required("parameters", pa.string()),  # JSON, sorted keys
            pa.field("file", pa.string()),  # below the recipe's folder; empty where the original's file serves
            _required("fold", pa.int16()),  # the fold in which the parents lie
            pa.field("fitted_on", pa.list_(pa.string())),  # the rows that a generator saw
            pa.field("second_label", pa.string()),
            pa.field("second_share", pa.float64()),
        ]
    ),
    key=("row_id",),
    folder="data/balanced",
)

ENSEMBLES = "ensembles"  # folder of those, each with its predictions and its model
PREDICTIONS = Table(
    "predictions",
    pa.schema(
        [
            _required("image_id", pa.string()),
            _required("part", pa.string()),  # train (out of fold) or test
            _required("repeat", pa.int16()),
            pa.field("fold", pa.int16()),  # empty: fitted on all training rows
            _required("seed", pa.int16()),
            _required("label", pa.string()),
            _required("kind", pa.string()),  # of score: logit, log_probability or anomaly
        ]
    ),
    key=("image_id", "repeat", "seed"),
    folder="predictions",
    extra=SCORE_PREFIX,
)


def predictions_file(root: Path, name: str) -> Path:
    """Where the workspace at `root` keeps what a strategy, or an ensemble, predicted."""
    ensemble = root / ENSEMBLES / name / PREDICTIONS.file
    return ensemble if ensemble.is_file() else PREDICTIONS.place(root, name)


def first_repeat(splits: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first repeat of a table `SPLITS`; one of an older version, which had one only, is its own."""
    repeat = splits["repeat"]
    return splits[repeat.isna() | (repeat == repeat.min())]
