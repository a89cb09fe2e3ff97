"""The ceiling of the features, as it stands in a file: what the best of all classifiers could reach on them.

In balanced accuracy over the classes that can be measured, overall and for pairs of classes. It lies between what
nearest neighbours reach and what the lower bound of the Bayes error leaves; `tasks.evaluate.bounding` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.files import read_json
from tasks.statistics.interval import DECIMALS, Interval

FILE = "ceiling.json"


@dataclass(frozen=True)
class Pair:
    """A class and the other one that most of its neighbours are of.

    Attributes
    ----------
    mixed_with
        The other class.
    share
        Of its neighbours, those of the other class, where all classes are equally common.
    least, most
        As in `Ceiling`, for telling these two classes apart.
    """

    mixed_with: str
    share: float
    least: Interval
    most: Interval


@dataclass(frozen=True)
class Ceiling:
    """Bounds of what the best of all classifiers reaches in balanced accuracy.

    Attributes
    ----------
    images
        Training images that were looked at.
    least, most
        What nearest neighbours reach, and what the lower bound of the Bayes error leaves, each with its interval.
    pairs
        By class.
    """

    images: int
    least: Interval
    most: Interval
    pairs: dict[str, Pair]

    def as_json(self) -> dict[str, Any]:
        """As it is written."""
        return {
            "images": self.images,
            "least": self.least.as_json(),
            "most": self.most.as_json(),
            "classes": {
                name: {
                    "mixed_with": pair.mixed_with,
                    "share": round(pair.share, DECIMALS),
                    "least": pair.least.as_json(),
                    "most": pair.most.as_json(),
                }
                for name, pair in self.pairs.items()
            },
        }


def read_ceilings(folder: Path, backbone_of: Mapping[str, str]) -> dict[str, Ceiling]:
    """By strategy, what the stage wrote of its backbone; strategies without features have none."""
    found = {
        backbone: Ceiling(
            facts["images"],
            Interval(**facts["least"]),
            Interval(**facts["most"]),
            {
                name: Pair(one["mixed_with"], one["share"], Interval(**one["least"]), Interval(**one["most"]))
                for name, one in facts["classes"].items()
            },
        )
        for backbone, facts in read_json(folder / FILE).items()
    }
    return {strategy: found[backbone] for strategy, backbone in backbone_of.items() if backbone in found}
