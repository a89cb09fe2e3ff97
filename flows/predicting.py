"""What a trained strategy says of new images: a table of scores, a row an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from flows.leaderboard import read_leaderboard
from flows.lockfile import RAW
from tasks.errors import InputError
from tasks.files import write_text
from tasks.progress import Progress, say

if TYPE_CHECKING:
    import pandas as pd

    from tasks.train.models import Model

CHUNK = 256  # images at a time


def chosen_strategy(root: Path) -> str:
    """The strategy that `compare` recommends.

    Raises
    ------
    InputError
        Nothing was compared yet.
    """
    board = read_leaderboard(root)
    if board is None:
        raise InputError("no strategy is recommended yet: run `equipoise run`, or name one with --strategy")
    return str(board["recommended"])


def image_files(paths: Iterable[Path]) -> list[Path]:
    """Files, and all files below folders, sorted; those whose names begin with a dot are left out.

    Raises
    ------
    InputError
        A path leads nowhere, or there is no file.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in inside if file.is_file() and not file.name.startswith(".")]
    if not found:
        raise InputError(f"{', '.join(map(str, paths))}: no files there; name images, or folders that hold some")
    return found


def predict(root: Path, strategy: str, files: Sequence[Path], out: Path, workers: int = 1) -> list[str]:
    """Write a CSV: `path`, `label`, ``score.<class>``, ``probability.<class>`` where there are such, and `error`.

    Parameters
    ----------
    root
        The workspace.
    strategy
        Whose model to use, that of all training rows.
    files
        The images; one that can't be read has a row with the reason in `error` and nothing else.
    out
        Where to write, whole or not at all.
    workers
        Number of processes; changes time only.

    Returns
    -------
    list of str
        What is wrong with each file that can't be read.

    Raises
    ------
    InputError
        There is no such model, no file can be read, or nothing can be written to `out`.
    """
    import pandas as pd

    from tasks.train.loading import load_model
    from tasks.train.predicting import off_scale

    folder = root / "models" / strategy
    if not folder.is_dir():
        known = ", ".join(sorted(path.name for path in (root / "models").glob("*") if path.is_dir())) or "none yet"
        raise InputError(f"there is no trained strategy {strategy!r}; trained are: {known}")
    _require_place(root, out)
    model = load_model(folder)
    chunks = -(-len(files) // CHUNK)
    tables: Iterable[pd.DataFrame] = _tables(model, files, workers)
    if chunks > 1:
        tables = Progress(tables, f"chunks of {CHUNK:,} images", total=chunks)
    table = pd.concat(tables, ignore_index=True)
    failed = table["error"].dropna()
    if len(failed) == len(table):
        raise InputError(f"none of the {len(table):,} files can be read as an image; the first: {failed.iloc[0]}")
    for sentence in off_scale(model, files, workers):
        say(sentence)
    ordered = ["path", "label", *(name for name in table.columns if name not in ("path", "label", "error")), "error"]
    for column in ("path", "error"):  # both begin with the name of a file
        table[column] = [harmless(text) if isinstance(text, str) else text for text in table[column]]
    text = table[ordered].to_csv(index=False, lineterminator="\n", float_format="%.6g")
    try:
        write_text(out, text)
    except OSError as error:  # a disk that is full by now, for instance
        raise InputError(f"{out}: the table can't be written there ({error.strerror}); choose another --out") from error
    return [str(why) for why in failed]


def _require_place(root: Path, out: Path) -> None:
    """Refuse, before any image is opened, a place where the table can't or shouldn't be written (`InputError`)."""
    if out.is_dir():
        raise InputError(f"{out}: is a folder; name the file that is to be written with --out")
    if out.resolve().is_relative_to((root / RAW).resolve()):
        raise InputError(f"{out}: lies in {RAW}, whose version it would change; choose another --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise InputError(f"{out}: nothing can be written there ({error.strerror}); choose another --out") from error


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _tables(model: Model, files: Sequence[Path], workers: int) -> Iterator[pd.DataFrame]:
    import pandas as pd

    for start in range(0, len(files), CHUNK):
        chunk = files[start : start + CHUNK]
        rows, errors = _predicted(model, chunk, workers)
        rows.insert(0, "path", [str(file) for file in chunk if file not in errors])
        bad = pd.DataFrame({"path": [str(file) for file in errors], "error": list(errors.values())})
        order = {str(file): number for number, file in enumerate(chunk)}
        both = pd.concat([rows.assign(error=None), bad])
        yield both.sort_values("path", key=lambda paths: paths.map(order), ignore_index=True)


def _predicted(model: Model, files: Sequence[Path], workers: int) -> tuple[pd.DataFrame, dict[Path, str]]:
    """The predictions for the files that are images, and what is wrong with the others."""
    import pandas as pd

    from tasks.train.predicting import predicted, readable

    try:
        return predicted(model, files, workers), {}
    except InputError:
        good, errors = readable(model, files)
        if not errors:
            raise
        return predicted(model, good, workers) if good else pd.DataFrame(index=[]), errors
