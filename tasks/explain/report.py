"""The page of an explanation."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tasks.explain.explanation import Explanation
from tasks.images import UnreadableError, open_image, to_rgb
from tasks.lettering import stand_ins
from tasks.page import render, thumbnail
from tasks.scores import has_probabilities

ROWS = 12  # classes that are shown at once; the others are folded


@dataclass(frozen=True)
class Row:
    """A class on the page."""

    label: str
    before: float
    shift: float
    after: float
    uncorrected: float | None
    corrected: float | None
    tag: str


def page(explained: Explanation, png: bytes, depth: int, known: str = "") -> str:
    """One HTML file that needs no network.

    Parameters
    ----------
    explained
        What is said.
    png
        Its picture.
    depth
        Bits of 16-bit values that the model is shown.
    known
        What the workspace knows of the image, as a sentence.
    """
    rows = [_row(explained, code) for code in explained.order]
    same = sum(one.label == explained.label for one in explained.neighbours)
    best = explained.shares
    likeliest = None if best is None else int(best.argmax())
    return render(
        Path(__file__).with_name("explanation.html"),
        explained=explained,
        picture="data:image/png;base64," + base64.b64encode(png).decode("ascii"),
        share=None if best is None else float(best[explained.decided]),
        likeliest=None if likeliest == explained.decided else likeliest,
        second=explained.classes[next(code for code in explained.order if code != explained.decided)],
        rows=rows,
        at_once=ROWS,
        has_probabilities=has_probabilities(explained.kind),
        neighbours=[(one, _small(one.file, depth)) for one in explained.neighbours],
        same=same,
        known=known,
        cells=explained.cells.shape[1:],
        silent=[] if explained.is_odd else _silent(explained),
        stand_ins=stand_ins([] if explained.is_odd else [explained.classes[code] for code in explained.shown], 22),
    )


def _silent(explained: Explanation) -> list[str]:
    """Shown classes for which nothing speaks."""
    shown = zip(explained.shown, explained.cells, strict=True)
    return [explained.classes[code] for code, cells in shown if not cells.any()]


def _row(explained: Explanation, code: int) -> Row:
    tag = "decision" if code == explained.decided else ""
    return Row(
        explained.classes[code],
        float(explained.before[code]),
        float(explained.shift[code]),
        float(explained.after[code]),
        None if explained.uncorrected is None else float(explained.uncorrected[code]),
        None if explained.corrected is None else float(explained.corrected[code]),
        tag,
    )


def _small(file: Path, depth: int) -> str:
    """A thumbnail of a training image; a grey one where the file is gone."""
    try:
        return thumbnail(to_rgb(open_image(file).image, depth), 144)
    except UnreadableError:
        return thumbnail(Image.new("RGB", (144, 144), (200, 200, 200)))
