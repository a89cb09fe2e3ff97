"""The frozen assignment: ``data/frozen.csv``, committed in git, keeps old images where they are when new ones come."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from tasks.errors import InputError
from tasks.progress import say
from tasks.tables import SPLITS, USED_PARTS

COLUMNS = ("image_id", "part", "repeat", "fold")
FORMER = "audit"  # a part that earlier versions kept out of training
REMEDY = "get the file back from git, or give the assignment up with `equipoise freeze --discard`"


def read_frozen(path: Path) -> pd.DataFrame:
    """Read the frozen assignment: `image_id`, `part` (train or test), `repeat`, `fold` (empty but for train).

    Lines of the part audit, which earlier versions had, freeze nothing: such images are placed like new ones, and that
    is said.

    Raises
    ------
    InputError
        The file is missing or makes no sense; the message names the line.
    """
    if not path.is_file():
        raise InputError(f"{path}: is missing; {REMEDY}")
    with path.open(newline="", encoding="utf-8") as file:
        lines = [(number, line) for number, line in enumerate(csv.reader(file), start=1) if line]
    if not lines or tuple(lines[0][1]) != COLUMNS:
        raise InputError(f"{path}:1: the first line should be {','.join(COLUMNS)}; {REMEDY}")
    rows = []
    first_line: dict[tuple[str, int], int] = {}
    part_of: dict[str, str] = {}
    for number, line in lines[1:]:
        wrong = _mistake(line)
        if not wrong:
            image_id, part, repeat = line[0], line[1], int(line[2])
            seen = first_line.setdefault((image_id, repeat), number)
            if seen != number:
                wrong = f"repeat {repeat} of {image_id} stands in line {seen} already"
            elif part_of.setdefault(image_id, part) != part:
                wrong = f"{image_id} is {part!r} here and {part_of[image_id]!r} in another repeat"
            rows.append((image_id, part, repeat, int(line[3]) if line[3] else None))
        if wrong:
            raise InputError(f"{path}:{number}: {wrong}; {REMEDY}")
    repeats = 1 + max((repeat for _, _, repeat, _ in rows), default=-1)
    if len(rows) != repeats * len(part_of):
        known = {repeat: {image for image, _, own, _ in rows if own == repeat} for repeat in range(repeats)}
        lost = next((image, repeat) for repeat in known for image in part_of if image not in known[repeat])
        raise InputError(f"{path}: {lost[0]} has no line of repeat {lost[1]}, as others have; {REMEDY}")
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    former = frame["part"] == FORMER
    if former.any():
        number = frame.loc[former, "image_id"].nunique()
        say(f"{number:,} images of {path.name} lie in the part audit, which is no more: they are placed like new ones")
    frame = frame[~former].reset_index(drop=True)
    return frame.astype({"image_id": "str", "part": "str", "repeat": "int16", "fold": "Int16"})


def empty_frozen() -> pd.DataFrame:
    """A frozen assignment of nothing."""
    return SPLITS.empty()[list(COLUMNS)]


def _mistake(line: list[str]) -> str:
    """What is wrong with a line by itself, or nothing."""
    if len(line) != len(COLUMNS):
        return f"{len(line)} values instead of {len(COLUMNS)}"
    image_id, part, repeat, fold = line
    if not image_id:
        return "no image_id"
    if part not in (*USED_PARTS, FORMER):
        return f"unknown part {part!r}; valid are {', '.join(USED_PARTS)}"
    if not (repeat.isascii() and repeat.isdigit() and int(repeat) < 100):
        return f"repeat {repeat!r} should be a whole number from 0"
    if part != "train" and fold:
        return f"an image of the part {part} lies in no fold, but here stands {fold!r}"
    if part == "train" and not (fold.isascii() and fold.isdigit() and int(fold) < 10_000):
        return f"fold {fold!r} should be a whole number from 0"
    return ""


def check_folds(frozen: pd.DataFrame, folds: int) -> None:
    """Refuse a frozen assignment with another number of folds.

    Raises
    ------
    InputError
        With both numbers and what to do.
    """
    found = frozen["fold"].max()
    if pd.notna(found) and found + 1 != folds:
        raise InputError(
            f"data/frozen.csv holds {found + 1} folds, but split.folds is {folds}: set split.folds={found + 1}, "
            "or draw all images anew with `equipoise freeze --discard`"
        )


def frozen_text(splits: pd.DataFrame) -> str:
    """The file that freezes a split (table `SPLITS`, none for an empty one), the same text for the same split.

    Excluded images are not frozen: why they are left out may pass.
    """
    kept = splits[splits["part"].isin(USED_PARTS)].sort_values(["image_id", "repeat"])
    kept = kept.assign(fold=kept["fold"].astype("Int16"))  # Parquet gives numbers beside empty ones back as floats
    text = io.StringIO()
    kept.to_csv(text, columns=list(COLUMNS), index=False, lineterminator="\n")
    return text.getvalue()
