"""Parts that the user gave: a validation part without a test part, and relatives of a given part in training."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from tasks.errors import InputError

TEST_RELATIVE = "is a relative of an image of the given test part"
VAL_RELATIVE = "is a relative of an image of the given validation part"
QUESTION = (
    "the parts that you gave are train and val, and no image is left of which a test part could be drawn; say what val "
    "is:\n"
    "  --set split.val=test    the held-out test part, looked at once\n"
    "  --set split.val=fold    the validation fold; a test part is drawn from train"
)
OFFER = (
    "To put the training relatives of your own test and validation images aside, which stay as they are: "
    "equipoise run --set split.relatives=exclude\n"
)


def refuse_val_without_test(parts: Collection[str | None], val: str) -> None:
    """Refuse parts of which nothing can be held out, unless `split.val` says what val is.

    Parameters
    ----------
    parts
        Of the labelled images; empty or None where none is given.
    val
        `split.val`: ask, test or fold.

    Raises
    ------
    InputError
        All images are given to train or val, and none to test; the two ways.
    """
    given = {part or "" for part in parts}
    if val == "ask" and "val" in given and not given & {"test", ""}:
        raise InputError(QUESTION)


def parts_as_said(parts: pd.Series, val: str) -> pd.Series:
    """The given parts, with val as `split.val` says it; the same where a test part is given.

    As the test part, val is test. As a fold it stays, and the images of train may be drawn for the test part.
    """
    if (parts == "test").any() or not (parts == "val").any():
        return parts
    if val == "test":
        return parts.replace("val", "test")
    return parts.where(parts != "train", None) if val == "fold" else parts


def put_aside(images: pd.DataFrame, settled: np.ndarray, free: int, test: int) -> pd.Series:
    """Which images stand back, and why, so that given parts stay as they are and no relative of theirs is elsewhere.

    Parameters
    ----------
    images
        Columns `group` (of relatives) and `part` (given).
    settled
        Shape (n, R): the place of each image in each repeat, `free` where nothing is settled, `test` for the test part.

    Returns
    -------
    pandas.Series
        The reason, by row of `images`; empty for those that stay. Of relatives, those of the test part stay first,
        then those of the given validation part. An image of which nothing is settled goes where its relatives are,
        but for a given test part, which is never changed.
    """
    is_test = settled[:, 0] == test
    is_free = (settled == free).all(axis=1)
    is_val = (images["part"] == "val").to_numpy()
    given_test = (images["part"] == "test").to_numpy()

    def related_to(chosen: np.ndarray) -> np.ndarray:
        found: np.ndarray = images["group"].isin(images["group"][chosen]).to_numpy()
        return found

    by_test = ~is_test & (related_to(given_test) | (related_to(is_test) & ~is_free))
    by_val = ~by_test & ~is_test & ~is_val & ~is_free & related_to(is_val & ~by_test)
    return pd.Series(np.select([by_test, by_val], [TEST_RELATIVE, VAL_RELATIVE], ""), index=images.index)
