"""What could be seen: how large a difference in recall must be before this many images can show it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.statistics.power import LEVEL, POWER, detectable_difference

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

# Share of a class's images that two strategies answer differently. Related strategies differ in few answers; a half is
# what two unrelated ones with a recall of 0.5 reach, and the most that is of use to plan with.
SIMILAR, UNRELATED = 0.1, 0.5
COARSE = 0.1  # a difference that remedies rarely reach


@dataclass(frozen=True)
class Evaluated:
    """A class's images in one part.

    Attributes
    ----------
    images, groups
        How many, and how many independent ones.
    similar, unrelated
        The smallest detectable difference in recall between two strategies that answer a tenth, or half, of the images
        differently; nothing where even a difference of that whole share would be missed.
    """

    images: int
    groups: int
    similar: float | None
    unrelated: float | None


class Detectable(Check):
    """The smallest detectable difference in recall, a class."""

    name: Literal["detectable"] = "detectable"
    title = "Detectable differences"
    question = "How large must a gain in recall be before the images of a class can show it?"
    order = 12
    number = 7

    def summarise(self, dataset: Dataset) -> Finding:
        """The smallest difference that McNemar's test finds in 80 of 100 cases, out of fold and in the test part."""
        found = {
            label: {
                part: evaluated(len(rows), rows["group"].nunique())
                for part in ("train", "test")
                for rows in [
                    dataset.labelled[(dataset.labelled["label"] == label) & (dataset.labelled["part"] == part)]
                ]
            }
            for label in dataset.classes
        }
        numbers: dict[str, Any] = {
            "power": POWER,
            "level": LEVEL,
            "classes": {label: {part: asdict(one) for part, one in parts.items()} for label, parts in found.items()},
        }
        text = (
            f"Two strategies answer the same images, so their recalls differ by images that one of them gets right and "
            f"the other doesn't. The smallest difference that McNemar's test at the {LEVEL:.0%} level finds in "
            f"{POWER:.0%} of cases follows from the number of images and from how many are answered differently "
            f"(Connor 1987). That share is known only afterwards, so two are shown: {SIMILAR:.0%} (two similar "
            f"strategies) and {UNRELATED:.0%} (nothing in common, the cautious figure). Groups of relatives count, not "
            f"images. None: too few for any difference."
        )
        rows = [
            [label, *(cell for part in ("train", "test") for cell in _cells(parts[part]))]
            for label, parts in found.items()
        ]
        headers = ["class"]
        for where in ("out of fold", "test"):
            headers += [f"groups, {where}", f"{SIMILAR:.0%} differ", f"{UNRELATED:.0%} differ"]
        return Finding(numbers, [Block("", text, None, Grid(headers, rows))], _sentences(found))


def evaluated(images: int, groups: int) -> Evaluated:
    """What that many images of a class, in that many groups of relatives, can show."""
    return Evaluated(images, groups, detectable_difference(groups, SIMILAR), detectable_difference(groups, UNRELATED))


def _cells(one: Evaluated) -> list[str]:
    shown = ["none" if value is None else f"{value:.2f}" for value in (one.similar, one.unrelated)]
    return [f"{one.groups:,}", *shown]


def _sentences(found: dict[str, dict[str, Evaluated]]) -> list[str]:
    blind = [label for label, parts in found.items() if parts["test"].images and (parts["test"].similar or 1) > COARSE]
    if not blind:
        return []
    named = ", ".join(blind[-5:][::-1])
    more = f" and {len(blind) - 5:,} more classes" if len(blind) > 5 else ""
    return [
        f"The test part can't show a gain of {COARSE:.2f} in the recall of {named}{more} even between similar "
        f"strategies: rank strategies on out-of-fold results, and take the test part as a check of them."
    ]
