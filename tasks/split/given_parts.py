"""The parts that the user gave, as a split takes them, and what has to be asked where none of them is a test part.

Many published sets have folders train and val and no test. That can mean two things, and every figure depends on it: it
is asked, not guessed: `split.test_from` says where the test part comes from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from tasks.errors import InputError
from tasks.params.models import Split

RUN = "equipoise run "
FROM_VAL = "--set split.test_from=val"
FROM_TRAIN = "--set split.test_from=train"


def open_question(parts: Iterable[str | None], params: Split, command: str = RUN) -> str:
    """What the user has to decide before a test part can be held out, with the lines to type; empty if nothing.

    That is so where every labelled image has a given part, none has the part test, and `split.test_from` says nothing.

    Parameters
    ----------
    parts
        The given part of each labelled image: train, val or test, None or empty where none was given.
    params
        What stands in `params.yaml`.
    command
        What stands before the options in the lines to type.
    """
    counts = Counter(part or "" for part in parts)
    if params.by == "time" or params.test_from != "given" or set(counts) not in ({"train"}, {"train", "val"}):
        return ""
    drawn = f"  {command}{FROM_TRAIN}\n    a test part is drawn from the {counts['train']:,} images of the part train"
    if "val" not in counts:
        return f"you gave all labelled images the part train, and none the part test. To draw a test part:\n{drawn}"
    return (
        "you gave the parts train and val, and no test part. Choose one of two:\n"
        f"  {command}{FROM_VAL}\n    the {counts['val']:,} images of the part val are the held-out test part\n"
        f"{drawn}, and val stays the validation fold (fold 0)"
    )


def place_given_parts(catalog: pd.DataFrame, params: Split) -> pd.DataFrame:
    """The catalog with the parts that the split keeps: val is test, or train is free, where `test_from` says so.

    Parameters
    ----------
    catalog
        Table `CATALOG`.

    Raises
    ------
    InputError
        No image is left for the test part, or `test_from` contradicts the parts that were given.
    """
    parts = catalog.loc[catalog["label"].notna(), "part"].dropna()
    question = open_question(catalog.loc[catalog["label"].notna(), "part"].fillna(""), params)
    if question:
        raise InputError(question)
    if params.test_from == "given":
        return catalog
    tests = int((parts == "test").sum())
    if tests:
        raise InputError(
            f"split.test_from is {params.test_from}, but {tests:,} images have the part test from you: they are the "
            "test part, so set split.test_from to given"
        )
    if params.test_from == "val":
        if not (parts == "val").any():
            raise InputError("split.test_from is val, but no labelled image has the part val: set it to given or train")
        return catalog.assign(part=catalog["part"].replace("val", "test"))
    return catalog.assign(part=catalog["part"].where(catalog["part"] != "train", None))
