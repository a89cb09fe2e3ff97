"""What a model says of new images: a table of labels, probabilities and scores, a row an image."""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from flows.chosen_model import RECOMMENDED, Chosen
from flows.output_place import require_place
from tasks.errors import InputError
from tasks.ingest.reading import SUFFIXES, cell_text, read_table
from tasks.progress import Progress, say
from tasks.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from tasks.train.nearest import Reference
    from tasks.train.predicting import Scale

CHUNK = 256  # images at a time, a process
PATH = "path"
ENDINGS = (".csv", ".parquet")  # of the table that is written


@dataclass(frozen=True)
class Listed:
    """An image that was named.

    Attributes
    ----------
    file
        Where it stands.
    shown
        What the table of answers calls it.
    """

    file: Path
    shown: str


@dataclass
class Summary:
    """What became of the images.

    Attributes
    ----------
    images
        How many there were.
    labels
        How many of each class, by the decision.
    failed
        What is wrong with each that can't be read.
    seconds
        What it took, without loading the model.
    """

    images: int
    labels: Counter[str]
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {number:,}" for name, number in self.labels.items())
        return (
            f"{self.images:,} images, {len(self.failed):,} of them not read; "
            f"{self.images / max(self.seconds, 1e-9):,.0f} images a second; {counts}"
        )


def require_images(model: str, here: Path, paths: Sequence[Path]) -> None:
    """Refuse a command without images, and say which word is missing (`InputError`)."""
    if paths:
        return
    if model.startswith(("models:", "runs:")) or not (here / model).exists():
        raise InputError(f"what is to be classified? equipoise predict {shlex.quote(model)} PATH...")
    raise InputError(f"by which model? It is named first: equipoise predict {RECOMMENDED} {shlex.quote(model)}")


def images_of(paths: Iterable[Path], out: Path | None = None) -> list[Listed]:
    """Files, all files below folders in the order of their names, and those that tables name in a column ``path``.

    Parameters
    ----------
    paths
        A table's paths are relative to its folder; one that leads nowhere becomes a row with the reason.
    out
        Where the answers go: left out of folders, as is what is hidden there, by a name that begins with a dot. A file
        that is named is never overwritten by them.

    Raises
    ------
    InputError
        A path leads nowhere, or is `out`, a table has no such column, or there is no file.
    """
    found: list[Listed] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
        if path.is_file() and out is not None and out.exists() and path.samefile(out):
            raise InputError(f"{path}: the answers would take the place of what they are about; choose another --to")
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            found += _listed_in(path)
            continue
        inside = _files_below(path, out) if path.is_dir() else [path]
        found += [Listed(file, str(file)) for file in inside if file.is_file()]
    if not found:
        raise InputError(f"{', '.join(map(str, paths))}: no files there; name images, or folders that hold some")
    return found


def _files_below(folder: Path, out: Path | None) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path != out and not hidden:
            yield path


def _listed_in(path: Path) -> Iterator[Listed]:
    table = read_table(path, str(path))
    if PATH not in table.columns:
        raise InputError(f"{path} has no column {PATH}; it has {', '.join(table.names) or 'none'}")
    for number in table.rows:
        written = cell_text(table.cell(number, PATH))
        file = path.parent / written
        if "\\" in written and not file.is_file():
            file = path.parent / PurePosixPath(written.replace("\\", "/"))
        yield Listed(file, written)


def predict(
    root: Path, chosen: Chosen, images: Sequence[Listed], out: Path, workers: int = 1, *, nearest: bool = False
) -> Summary:
    """Write a table with the columns ``path`` and those of `tasks.train.predicting.columns`.

    Parameters
    ----------
    root
        The workspace.
    chosen
        The model.
    images
        One that can't be read has a row with the reason in ``error`` and nothing else.
    out
        Where to write, whole or not at all: CSV or, where its name ends so, Parquet.
    workers
        Number of processes; changes time only.
    nearest
        Whether the nearest training image is named, and how far it is.

    Raises
    ------
    InputError
        No image can be read, the model's training images are not here, or nothing can be written to `out`, where no
        answers of before stand but another file.
    """
    from tasks.train.predicting import ERROR, LABEL, Scale, columns

    if out.suffix.lower() not in ENDINGS and not out.is_dir():
        raise InputError(f"{out}: a table is written as {' or '.join(ENDINGS)}; choose another --to")
    require_place(root, out)
    _spare_other_tables(out)
    reference = _reference(root, chosen) if nearest else None
    scale = Scale(chosen.classifier.model.depth)
    summary = Summary(len(images), Counter(dict.fromkeys(chosen.classifier.classes, 0)))
    start = time.monotonic()
    with _writer(out, {PATH: str} | columns(chosen.classifier, nearest)) as writer:
        answers = _answers(chosen, images, workers, reference, scale)
        for table in Progress(answers, "images", total=len(images), rate=True, size=len):
            writer.write(table)
            summary.labels.update(table[LABEL].dropna())
            bad = table[table[ERROR].notna()]
            summary.failed += [f"{path}: {why}" for path, why in zip(bad[PATH], bad[ERROR], strict=True)]
        if len(summary.failed) == len(images):
            raise InputError(
                f"none of the {len(images):,} files can be read as an image; the first: {summary.failed[0]}"
            )
    summary.seconds = time.monotonic() - start
    if sentence := scale.sentence():
        say(sentence)
    return summary


def _spare_other_tables(out: Path) -> None:
    """Refuse to write over a file that is no table of answers."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tasks.train.predicting import ERROR, LABEL

    if not out.exists():
        return
    try:
        is_parquet = out.suffix.lower() == ".parquet"
        names = pq.read_schema(out).names if is_parquet else pd.read_csv(out, nrows=0).columns
    except (OSError, ValueError, pa.ArrowException):  # of pandas all that a table can have wrong is a ValueError
        names = []
    if not {PATH, LABEL, ERROR} <= set(names):
        raise InputError(f"{out}: stands there already, and is no table of predictions; choose another --to")


def _reference(root: Path, chosen: Chosen) -> Reference:
    """The training images of a model."""
    from tasks.train.models import model_folder
    from tasks.train.nearest import reference_of

    if chosen.strategy is None:
        raise InputError(
            f"--nearest: the training images of {chosen.title} and their features are not here: a registered model "
            "leaves them in the workspace that trained it. Name a strategy of this workspace, or leave the option out"
        )
    return reference_of(Workspace(root), chosen.classifier.model, model_folder(root, chosen.strategy))


def _answers(
    chosen: Chosen, images: Sequence[Listed], workers: int, reference: Reference | None, scale: Scale
) -> Iterator[pd.DataFrame]:
    """The answers, a chunk of images at a time."""
    from tasks.train.predicting import predicted

    size = CHUNK * workers
    for start in range(0, len(images), size):
        chunk = images[start : start + size]
        found = predicted(chosen.classifier, [one.file for one in chunk], workers, reference)
        for one, told in zip(chunk, found.told, strict=True):
            scale.add(one.shown, told)
        found.table.insert(0, PATH, [readable(one.shown) for one in chunk])
        yield found.table


class Writer(Protocol):
    """Takes tables of the same columns, one after the other."""

    def write(self, table: pd.DataFrame) -> None:
        """Add rows."""

    def close(self) -> None:
        """End the file."""


@contextmanager
def _writer(out: Path, columns: dict[str, type]) -> Iterator[Writer]:
    """A writer of a table that appears at `out` when the block ends without an error."""
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    kind = _ParquetWriter if out.suffix.lower() == ".parquet" else _CsvWriter
    try:
        writer = kind(beside, columns)
        try:
            yield writer
        finally:
            writer.close()
        beside.replace(out)
    except OSError as error:  # a disk that is full by now, for instance
        raise InputError(f"{out}: the table can't be written there ({error.strerror}); choose another --to") from error
    finally:
        beside.unlink(missing_ok=True)


class _CsvWriter:
    def __init__(self, file: Path, columns: dict[str, type]) -> None:
        self.file = file.open("w", encoding="utf-8", newline="")
        self.columns = list(columns)
        self.is_new = True

    def write(self, table: pd.DataFrame) -> None:
        from tasks.train.predicting import ERROR, NEAREST

        table = table[self.columns].copy()
        for column in {PATH, NEAREST, ERROR}.intersection(self.columns):  # what others have named
            table[column] = [harmless(text) if isinstance(text, str) else text for text in table[column]]
        table.to_csv(self.file, index=False, header=self.is_new, lineterminator="\n", float_format="%.9g")
        self.is_new = False

    def close(self) -> None:
        self.file.close()


class _ParquetWriter:
    def __init__(self, file: Path, columns: dict[str, type]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.schema = pa.schema(
            [(name, pa.string() if kind is str else pa.float64()) for name, kind in columns.items()]
        )
        self.writer = pq.ParquetWriter(file, self.schema, compression="zstd")

    def write(self, table: pd.DataFrame) -> None:
        import pyarrow as pa

        self.writer.write_table(pa.Table.from_pandas(table, schema=self.schema, preserve_index=False))

    def close(self) -> None:
        self.writer.close()


def readable(text: str) -> str:
    """A path as text that every file can hold: bytes that are no UTF-8 as their numbers."""
    return text.encode("utf-8", "backslashreplace").decode()


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
