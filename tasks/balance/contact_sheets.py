"""Contact sheets: originals beside what was made of them, for a look at whether the class is still what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from tasks.depth import FULL
from tasks.images import open_image, to_rgb
from tasks.lettering import font_file, in_picture
from tasks.slugs import slugs

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

    from tasks.lineage import TrainingSet

ROWS, COLUMNS = 6, 6  # pictures
THUMBNAIL, GAP, CAPTION, TITLE = 140, 10, 62, 60  # pixels
NAME = 19  # signs of a class in the caption of a picture
INK, FAINT = "#1f2933", "#5b6770"
STEPS = {  # the names of steps in few letters
    "HorizontalFlip": "mirrored",
    "VerticalFlip": "upside down",
    "Affine": "shifted",
    "RandomBrightnessContrast": "brightness",
    "GaussNoise": "noise",
    "ColorJitter": "colour",
    "CoarseDropout": "erased",
    "CropAndPad": "cropped",
    "ElasticGrid": "bent",
    "GaussianBlur": "blurred",
    "GridStretch": "stretched",
    "ImageCompression": "compressed",
    "MeanCutout": "cut out",
    "PerspectiveView": "aslant",
    "RandomRotate90": "turned",
    "SaltAndPepper": "salt, pepper",
}


class Picture(NamedTuple):
    """One picture of a sheet: its file or itself, its name, a few words about it, and the depth a file is shown at."""

    source: Path | Image.Image
    name: str
    caption: str
    depth: int = FULL

    @property
    def image(self) -> Image.Image:
        """The picture itself."""
        if isinstance(self.source, Image.Image):
            return self.source.copy()
        return to_rgb(open_image(self.source).image, self.depth)


def write_contact_sheets(balanced: pd.DataFrame, training: TrainingSet, raw: Path, folder: Path) -> None:
    """Write ``contact_sheets/<class slug>.png`` for every class that has augmented or mixed images.

    `balanced` is a plan (`tasks.balance.plan.plan`) whose new images have their files below `folder`.
    """
    originals = training.rows.set_index("image_id")
    new = balanced[balanced["origin"].isin(["augmented", "mixed"])]
    for label, of_class in new.groupby("label"):
        first_parents = of_class["parents"].str[0]
        parents = first_parents.nunique()
        shown = min(COLUMNS, 1 + round(len(of_class) / parents))
        families = []
        first_shown = first_parents.isin(sorted(first_parents.unique())[: ROWS * (COLUMNS // shown)])
        for parent, rows in of_class[first_shown].groupby(first_parents):
            shown_parent = originals.loc[parent]
            depth = int(shown_parent["depth"])
            original = Picture(raw / shown_parent["path"], "original", str(parent), depth)
            in_turns = rows.assign(turn=rows.groupby("origin").cumcount()).sort_values("turn", kind="stable")
            families.append(
                [original, *(_picture(row, folder, depth) for row in in_turns.head(shown - 1).itertuples())]
            )
        subtitle = f"{len(of_class):,} new images of {parents:,} originals; shown: {len(families)} originals"
        sheet = contact_sheet(in_picture(str(label)), f"{subtitle}, each with its first descendants", families)
        target = folder / "contact_sheets" / f"{slugs(training.classes)[str(label)]}.png"
        target.parent.mkdir(exist_ok=True)
        sheet.save(target, optimize=True)


def contact_sheet(title: str, subtitle: str, families: list[list[Picture]]) -> Image.Image:
    """Draw a sheet: families of an original and what was made of it, as many side by side as there is room for.

    The image has a palette of 256 colours, so that its PNG stays below a megabyte.
    """
    longest = max(len(family) for family in families)
    beside = COLUMNS // longest
    family_width, height = longest * (THUMBNAIL + GAP) + 2 * GAP, THUMBNAIL + CAPTION
    rows = -(-len(families) // beside)
    sheet = Image.new("RGB", (beside * family_width + GAP, rows * height + TITLE), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, 8), title, INK, _font(18))
    pen.text((GAP, 34), subtitle, FAINT, _font(12))
    for place, family in enumerate(families):
        for column, picture in enumerate(family):
            # The original stands a little apart from what was made of it.
            left = GAP + place % beside * family_width + column * (THUMBNAIL + GAP) + (GAP if column else 0)
            top = TITLE + place // beside * height
            small = _small(picture.image)
            sheet.paste(small, (left, top))
            pen.text((left, top + THUMBNAIL + 2), picture.name, INK, _font(11))
            pen.text((left, top + THUMBNAIL + 16), picture.caption, FAINT, _font(10))
    return sheet.quantize(256, dither=Image.Dither.NONE)


def _small(image: Image.Image) -> Image.Image:
    """An image in the size of a thumbnail; tiny ones are enlarged by a whole number, pixel by pixel."""
    times = THUMBNAIL // max(image.size)
    if times > 1:
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    return image


def _picture(row: Any, folder: Path, depth: int) -> Picture:
    """A new image, with the steps that it went through, or the label that it has, in lines of two."""
    if row.origin == "mixed":
        second = 0.0 if pd.isna(row.second_label) else row.second_share
        parts = [(1 - second, row.label), *([(second, row.second_label)] if second else [])]
        words = [f"{share:.0%} {in_picture(label, NAME)}" for share, label in parts]
        return Picture(folder / row.file, f"{row.operation} {row.copy_number}", ",\n".join(words), depth)
    steps = [STEPS.get(name, name) for name in json.loads(row.parameters)["applied"]]
    lines = [", ".join(steps[start : start + 2]) for start in range(0, len(steps), 2)]
    return Picture(folder / row.file, f"{row.operation} {row.copy_number}", ",\n".join(lines), depth)


def _font(size: int) -> FreeTypeFont:
    """The font of `tasks.lettering`."""
    return ImageFont.truetype(font_file(), size)
