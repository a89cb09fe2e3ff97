"""Contact sheets for the report: what the new images of the rarest classes look like, beside their parents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tasks.balance.synthetic import GENERATED
from tasks.page import thumbnail
from tasks.slugs import slugs

CLASSES = 2  # a recipe: the sheets of all stand in the recipe's folder and in MLflow
LONGEST = 1300  # pixels of a sheet's longer side


def samples(balanced: Path, recipes: Sequence[str], rarest_first: Sequence[str]) -> dict[str, dict[str, str]]:
    """Sheets as data URIs by recipe and class, for recipes that make new images.

    Parameters
    ----------
    balanced
        The folder of the recipes' sets.
    recipes
        Those to show.
    rarest_first
        The classes.
    """
    slug_of = slugs(rarest_first)
    shown: dict[str, dict[str, str]] = {}
    for recipe in recipes:
        sheets = {label: balanced / recipe / "contact_sheets" / f"{slug_of[label]}.png" for label in rarest_first}
        generated = {f"{label} (generated)": sheet.parent / GENERATED / sheet.name for label, sheet in sheets.items()}
        for kind in (sheets, generated):
            for label in [label for label, sheet in kind.items() if sheet.is_file()][:CLASSES]:
                with Image.open(kind[label]) as sheet:
                    shown.setdefault(recipe, {})[label] = thumbnail(sheet, LONGEST)
    return shown
