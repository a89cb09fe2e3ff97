"""A contact sheet of audited images, untouched beside changed: what moved predictions first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.balance.contact_sheets import Picture, contact_sheet
from tasks.lettering import in_picture

if TYPE_CHECKING:
    import pandas as pd

    from tasks.audit.effect import Effect
    from tasks.balance.derive import Made

SHOWN = 12  # images
COLUMNS = 5  # changed versions of an image, at most


def write_sheet(
    images: pd.DataFrame, made: Sequence[Made], strategy: str, found: Effect, raw: Path, path: Path
) -> None:
    """Write the images whose predictions move most, as a PNG.

    Parameters
    ----------
    images
        The audited ones, `image_id`, `path` and `depth`.
    made
        Their changed versions, equally many of each, one image after the other.
    strategy
        Whose predictions.
    found
        The effect on them.
    raw
        The folder below which the images' paths lie.
    path
        Where to write.
    """
    moved = found.moved
    copies = len(made) // len(images)
    families = []
    for at in np.argsort(-moved, kind="stable")[:SHOWN]:
        row = images.iloc[at]
        word = f"taken for a\nminority {moved[at]:+.0%}" if abs(moved[at]) > 1e-9 else "taken for the same"
        family = [Picture(raw / row["path"], "untouched", str(row["image_id"]), row["depth"])]
        for copy, one in enumerate(made[at * copies : at * copies + min(copies, COLUMNS)], start=1):
            family.append(Picture(one.file, f"changed {copy}", word if copy == 1 else "", row["depth"]))
        families.append(family)
    title = f"Audit: {in_picture(images['label'].iloc[0])}, untouched beside changed"
    sheet = contact_sheet(title, f"the images whose prediction by {strategy} moves most", families)
    sheet.save(path, optimize=True)
