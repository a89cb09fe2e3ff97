"""Every property of an image, cut into bins: measures of its pixels, facts of its file, and EXIF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tasks.explore.binning import Binned, bin_names, bin_numbers, number_of_bins

if TYPE_CHECKING:
    import pandas as pd

# Numbers of `Dataset.images` that say where an image stands, not what it is like.
BOOKKEEPING = frozenset({"fold", "depth"})  # how deep an image is, its mode tells
NAMES = {"format": "File format", "mode": "Colour mode", "camera": "Camera"}
TITLES = {
    "width": "Width",
    "height": "Height",
    "bytes": "File size",
    "frames": "Frames",
    "orientation": "EXIF orientation",
    "jpeg_quality": "JPEG quality",
    "dpi": "Resolution (dpi)",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "hour": "Hour of the day",
    "day": "Date",
}
EXIF = ("hour", "day", "camera", "latitude", "longitude", "dpi", "orientation")


def binned_properties(images: pd.DataFrame, groups: int, measure_titles: Mapping[str, str]) -> list[Binned]:
    """Every property of the images, cut into bins; also those that are the same for all.

    Parameters
    ----------
    images
        Rows of `Dataset.images`.
    groups
        Number of independent images, which decides how many bins numbers get.
    measure_titles
        What the report calls the measures, by name.
    """
    numbers = {
        str(name): images[name].to_numpy(dtype=float, na_value=np.nan)
        for name in images.select_dtypes("number").columns
        if name not in BOOKKEEPING
    }
    if "taken" in images:
        numbers |= _times(images["taken"])
    names = {name: [value or None for value in images[name].fillna("")] for name in NAMES if name in images}
    titles = NAMES | TITLES | dict(measure_titles)
    found = []
    for name, values in numbers.items():
        codes = bin_numbers(values, number_of_bins(groups))
        found.append((name, codes, int(np.isfinite(values).sum())))
    for name, texts in names.items():
        found.append((name, bin_names(texts), sum(text is not None for text in texts)))
    return [
        Binned(name, titles.get(name, name.replace("_", " ").capitalize()), codes, int(codes.max(initial=0)) + 1, known)
        for name, codes, known in found
    ]


def _times(taken: pd.Series) -> dict[str, np.ndarray]:
    """Hour of the day (0 to 24) and days since 1970, not a number where the time is unknown."""
    import pandas as pd

    times = pd.to_datetime(taken, errors="coerce")
    days = (times - pd.Timestamp(0)) / pd.Timedelta(days=1)
    values = days.to_numpy(dtype=float, na_value=np.nan)
    return {"hour": values % 1 * 24, "day": np.floor(values)}
