"""Draw the sheets of `docs/transforms.md`: every transform and preset on real photos.

    python docs/draw_transforms.py

Writes ``docs/images/transforms/<group>.jpg``. The photos come with scikit-learn and matplotlib, which the project needs
anyway: a view by danielbuechele (CC BY 2.0, cropped) and a portrait of Grace Hopper (US Navy, public domain, cropped).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import sklearn.datasets
from matplotlib.cbook import get_sample_data
from PIL import Image, ImageDraw, ImageFont

from tasks.balance.pipeline import change
from tasks.balance.presets.document import Document
from tasks.balance.presets.industrial import Industrial
from tasks.balance.presets.medical import Medical
from tasks.balance.presets.photo import Photo
from tasks.balance.steps import specify
from tasks.registry import components

FOLDER = Path(__file__).parent / "images" / "transforms"
SIDE, GAP, LABEL, TITLE = 160, 8, 150, 40  # pixels
INK, FAINT = "#1f2933", "#5b6770"
Columns = tuple[tuple[str, float, tuple[int, ...]], ...]  # heading, strength, a seed a picture
SEEDS = (78, 84, 99, 196)  # whose first draws lie far apart
COLUMNS: Columns = (("strength 1", 1.0, SEEDS), ("strength 3", 3.0, SEEDS[:2]))
TURNS: Columns = (("any strength", 1.0, (3, 5, 0)),)  # by 90, 180 and 270 degrees
GROUPS = {
    "moved": ("rotation", "translation", "scaling", "affine", "random_crop"),
    "turned": ("horizontal_flip", "vertical_flip", "quarter_turns"),
    "bent": ("perspective", "elastic", "grid_distortion"),
    "light": ("brightness", "contrast", "saturation", "hue"),
    "quality": ("gaussian_noise", "salt_and_pepper", "blur", "jpeg_compression"),
    "erased": ("random_erasing", "cutout"),
}


class Row(NamedTuple):
    """A row of a sheet: its name, the picture, and what is done to it at each strength."""

    name: str
    picture: Image.Image
    specifications: list[str]


def main() -> None:
    """Draw all sheets."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    transforms: Any = components("tasks.balance.transforms")
    missing = set(transforms) - {name for names in GROUPS.values() for name in names}
    if missing:
        raise SystemExit(f"name the groups of {sorted(missing)} in {__file__}")
    view, portrait = photo_of_a_view(), photo_of_a_person()
    for group, names in GROUPS.items():
        columns = TURNS if group == "turned" else COLUMNS
        rows = []
        for name in names:
            transform = transforms[name].model_validate({"p": 1})
            rows.append(Row(name, view, [specify([transform.step(strength)]) for _, strength, _ in columns]))
        draw(group, rows, columns)
    chosen = ((Photo, view), (Industrial, portrait), (Medical, portrait), (Document, page()))
    presets = [
        Row(kind.name, picture, [kind(strength=strength).specification() for _, strength, _ in COLUMNS])
        for kind, picture in chosen
    ]
    draw("presets", presets, COLUMNS)


def draw(group: str, rows: list[Row], columns: Columns) -> None:
    """Write one sheet: a row a transform, the original first."""
    pictures = 1 + sum(len(seeds) for _, _, seeds in columns)
    step = SIDE + GAP
    sheet = Image.new("RGB", (LABEL + pictures * step + 2 * GAP, TITLE + len(rows) * step), "white")
    pen = ImageDraw.Draw(sheet)
    lefts = [LABEL + column * step + (GAP if column else 0) for column in range(pictures)]
    pen.text((lefts[0], 12), "original", FAINT, font(14))
    column = 1
    for heading, _, seeds in columns:
        pen.text((lefts[column], 12), heading, FAINT, font(14))
        column += len(seeds)
    for number, row in enumerate(rows):
        top = TITLE + number * step
        pen.text((GAP, top + SIDE // 2 - 10), row.name.replace("_", " "), INK, font(14))
        shown = [row.picture]
        pixels = np.asarray(row.picture)
        for (_, _, seeds), text in zip(columns, row.specifications, strict=True):
            shown += [Image.fromarray(change(text, pixels, None, seed, row.name).colours) for seed in seeds]
        for left, picture in zip(lefts, shown, strict=True):
            sheet.paste(picture, (left, top))
    sheet.save(FOLDER / f"{group}.jpg", quality=82, optimize=True)


def photo_of_a_view() -> Image.Image:
    """The middle of scikit-learn's `china.jpg`."""
    return squared(Path(sklearn.datasets.__file__).parent / "images" / "china.jpg", (130, 0, 557, 427))


def photo_of_a_person() -> Image.Image:
    """The middle of matplotlib's `grace_hopper.jpg`."""
    return squared(Path(get_sample_data("grace_hopper.jpg", asfileobj=False)), (0, 0, 512, 512))


def page() -> Image.Image:
    """A piece of a printed page."""
    text = Image.new("RGB", (SIDE, SIDE), "#f4f1ea")
    pen = ImageDraw.Draw(text)
    pen.text((12, 10), "Invoice 6981", INK, font(17))
    lines = [
        "Pos. Article           Sum",
        "1  Cell, mono          48",
        "2  Frame, long         12",
        "3  Glass, 3 mm         31",
    ]
    for number, line in enumerate([*lines, "", "Total                  91"]):
        pen.text((12, 44 + 17 * number), line, INK, font(9, "DejaVuSansMono"))
    return text


def squared(path: Path, box: tuple[int, int, int, int]) -> Image.Image:
    """A square of a photo, scaled."""
    with Image.open(path) as photo:
        return photo.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS, box)


def font(size: int, name: str = "DejaVuSans") -> ImageFont.FreeTypeFont:
    """A font that comes with matplotlib."""
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", f"{name}.ttf"), size)


if __name__ == "__main__":
    main()
