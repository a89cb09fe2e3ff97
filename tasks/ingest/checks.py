"""When ingest stops: too few classes or images to work with, or too many files that can't be read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.errors import InputError
from tasks.images import OTHER_FILE
from tasks.ingest.labels import MOST_OFFERED
from tasks.ingest.reading import TABLE
from tasks.ingest.reasons import FAILURES
from tasks.ingest.wording import first_few, set_names
from tasks.slugs import slugs

if TYPE_CHECKING:
    import pandas as pd


def check_classes(counts: Mapping[str, int], min_images: int, dropped: Sequence[str] = ()) -> None:
    """Refuse fewer than two classes, classes with alike names, and classes with too few images."""
    if len(counts) < 2:
        only = f"only the class {next(iter(counts))!r}" if counts else "no class"
        raise InputError(
            f"there is {only} in data/raw, but at least two are needed: put the images of each class into a folder of "
            f"its own, data/raw/<class>/, or write data/raw/{TABLE} with the columns path and label"
        )
    slugs(counts)
    small = {label: number for label, number in sorted(counts.items()) if number < min_images}
    if small:
        named = first_few([f"{label!r} ({number})" for label, number in small.items()], MOST_OFFERED)
        lines = "".join(f"\n  equipoise run {option}" for option in options_for_small(small, dropped, len(counts)))
        raise InputError(
            f"classes with fewer than {min_images} images: {named}; add images, merge these classes into others "
            f"(ingest.rename), or let them be small, or leave them out (ingest.drop):{lines}"
        )


def options_for_small(small: Mapping[str, int], dropped: Sequence[str], classes: int) -> list[str]:
    """The options of the command line that let a run go on in spite of classes with few images.

    Parameters
    ----------
    small
        Images of each of them.
    dropped
        Classes that are left out already.
    classes
        How many classes there are with them: two have to be left.
    """
    options = [f"--set ingest.min_images={min(small.values())}"]
    if classes - len(small) >= 2 and len(small) <= MOST_OFFERED:
        options.append(set_names("ingest.drop", [*dropped, *small]))
    return options


def check_failures(rejected: pd.DataFrame, opened: int, max_failed_share: float) -> None:
    """Stop if no file could be read, or more than a share of them could not.

    Raises
    ------
    InputError
        With the number of files of each reason and the first of them.
    """
    failed = rejected[rejected["reason"].isin(FAILURES)]
    others = int(rejected["reason"].eq(OTHER_FILE).sum())
    if opened > others and len(failed) <= max_failed_share * (opened - others) and len(failed) < opened - others:
        return
    reasons = "".join(
        f"\n  {reason}: {len(rows):,} files, such as {first_few(rows['path'].tolist())} ({rows['detail'].iloc[0]})"
        for reason, rows in rejected.groupby("reason")
    )
    if len(failed) + others == opened:
        raise InputError(f"no image in data/raw could be read:{reasons}")
    enough = math.ceil(100 * len(failed) / (opened - others)) / 100
    raise InputError(
        f"{len(failed):,} of {opened - others:,} images could not be read, more than ingest.max_failed_share "
        f"({max_failed_share}) allows; mend or remove them:{reasons}\nOr go on without them:\n"
        f"  equipoise run --set ingest.max_failed_share={enough}"
    )
