"""What a split will refuse, told from names and tables alone, before any image is read."""

from __future__ import annotations

import pandas as pd

from tasks.errors import InputError
from tasks.params.models import Split
from tasks.split import by_class, by_group
from tasks.split.frozen import empty_frozen
from tasks.split.given_parts import place_given_parts
from tasks.split.units import gather


def refusal(images: pd.DataFrame, params: Split) -> str:
    """Why images can't be split as they are, and what to do; empty where nothing is seen yet.

    Near-duplicates can still tie images together, so that less may be possible than is seen here. A split by time is
    not looked at, since times stand in the images.

    Parameters
    ----------
    images
        A row an image: `path`, `label` and `part` (missing where none is given), `given` (its group from the user) and
        `group` (of its relatives, as far as they are known: missing where it has none).
    params
        What stands in `params.yaml`.
    """
    if params.by == "time":
        return ""
    catalog = images.assign(image_id=images["path"], group=images["given"], taken=None)
    groups = images[["path"]].set_axis(["image_id"], axis=1).assign(group=images["group"].fillna(images["path"]))
    try:
        units = gather(place_given_parts(catalog, params), groups, empty_frozen(), params.repeats)
        if params.by == "group":
            by_group.joined_sets(units)
        else:
            by_class.first_places(units, params)
    except InputError as error:
        return str(error)
    return ""
