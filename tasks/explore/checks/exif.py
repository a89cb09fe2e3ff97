"""EXIF: when, where and with what photos were taken; if that goes with the label, so does what came with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.explore.binned_properties import EXIF, binned_properties
from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.probing import Labelled
from tasks.explore.shuffled_labels import against_shuffled_labels
from tasks.statistics.association import cramers_v

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.dataset import Dataset

LEVEL = 0.05  # of the adjusted p-value
NOTABLE = 0.1  # Cramer's V from which a sentence warns: a small association (Cohen 1988)
FIELDS = {
    "Capture time": ["taken"],
    "Camera": ["camera"],
    "GPS": ["latitude", "longitude"],
    "Resolution (dpi)": ["dpi"],
}


class Exif(Check):
    """Capture time, camera, place and resolution, and whether any of them goes with the label."""

    name: Literal["exif"] = "exif"
    title = "EXIF"
    question = "When, where and with what were the photos taken, and does it go with the label?"
    order = 100
    number = 9

    def summarise(self, dataset: Dataset) -> Finding:
        """How many images have a field, by class, and Cramer's V of field and label against shuffled labels."""
        recorded = {
            title: dataset.images[columns].notna().all(axis=1)
            for title, columns in FIELDS.items()
            if set(columns) <= set(dataset.images)
        }
        numbers: dict[str, Any] = {
            "images": {title: int(has.sum()) for title, has in recorded.items()},
            "association": association(dataset),
        }
        if not any(has.any() for has in recorded.values()) and not numbers["association"]:
            text = "No image tells when, where, with which camera or at which resolution it was taken."
            return Finding(numbers, [Block("", text)])
        return Finding(numbers, [_recorded_block(dataset, recorded), *_blocks(dataset, numbers)], _sentences(numbers))


def association(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """For each field that differs between training images: Cramer's V with the label, and p-values.

    A missing value counts as a value: fields that only the photos of one class have give it away.
    """

    rows = Labelled.of(dataset)
    if len(rows.classes) < 2:
        return {}
    images = dataset.training.set_index("image_id").loc[rows.image_ids]
    properties = binned_properties(images, len(np.unique(rows.groups)), dataset.measure_titles)
    fields = [binned for binned in properties if binned.name in EXIF and binned.bins > 1]
    tested = against_shuffled_labels(fields, cramers_v, rows, dataset.params)
    return {
        binned.name: {"title": binned.title, "images": binned.known, "cramers_v": one.value, "by_chance": one.by_chance}
        | {"p_value": one.p_value, "p_adjusted": one.p_adjusted}
        for binned, one in zip(fields, tested, strict=True)
    }


def _recorded_block(dataset: Dataset, recorded: dict[str, pd.Series]) -> Block:
    labels = dataset.training["label"]
    shares = {title: has[labels.index].groupby(labels).mean() for title, has in recorded.items()}
    present = [label for label in dataset.classes if (labels == label).any()]
    rows = [[label, *(f"{shares[title][label]:.0%}" for title in recorded)] for label in present]
    total = "; ".join(f"{title.lower()}: {has.sum():,} of {len(has):,}" for title, has in recorded.items())
    text = f"Images that record it: {total}. By class, in the training part:"
    return Block("What is recorded", text, None, Grid(["class", *recorded], rows))


def _blocks(dataset: Dataset, numbers: dict[str, Any]) -> list[Block]:
    blocks = []
    cameras: Counter[str]
    cameras = Counter(dataset.training["camera"].dropna()) if "camera" in dataset.training else Counter()
    if cameras:
        names = sorted(cameras, key=lambda name: (-cameras[name], name))
        shown = ", ".join(f"{name} {cameras[name]:,}" for name in names[:8])
        more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
        blocks.append(Block("Cameras", f"In the training part: {shown}{more}."))
    if numbers["association"]:
        rows = [
            [
                one["title"],
                f"{one['images']:,}",
                f"{one['cramers_v']:.2f}",
                f"{one['by_chance']:.2f}",
                f"{one['p_value']:.3f}",
                f"{one['p_adjusted']:.3f}",
            ]
            for one in sorted(numbers["association"].values(), key=lambda one: (-one["cramers_v"], one["title"]))
        ]
        text = (
            "Cramer's V of the field and the label over training images: 0 is no relation, 1 is a field that tells the "
            "class; numbers are cut into bins, and a missing value counts as one. p-values come from labels shuffled "
            f"between groups of relatives ({dataset.params.permutations:,} times), the adjusted ones allow for the "
            "number of fields."
        )
        headers = ["field", "training images with it", "Cramer's V", "by chance", "p", "adjusted p"]
        blocks.append(Block("Does it go with the label?", text, None, Grid(headers, rows)))
    return blocks


def _sentences(numbers: dict[str, Any]) -> list[str]:
    return [
        f"{one['title']} goes with the label (Cramer's V {one['cramers_v']:.2f}, adjusted p {one['p_adjusted']:.3f}): "
        f"the classes were photographed under different conditions, and a network may learn those."
        for one in sorted(numbers["association"].values(), key=lambda one: (-one["cramers_v"], one["title"]))
        if one["p_adjusted"] <= LEVEL and one["cramers_v"] >= NOTABLE
    ]
