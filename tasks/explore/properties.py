"""A property of single images, described a class at a time: quartiles, and how strongly it goes with the class.

A property that goes with the label is a shortcut: a network learns it whether or not it is what the class means, and
fails where it is absent.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.comparison import Comparison, Measure, compare_classes
from tasks.explore.effects import Effect

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

TAGS = {"large": "bad", "medium": "warn", "small": "warn", "negligible": "good"}
NAMED = 3  # classes that a sentence names, the most strongly linked first


class Property(Check):
    """A check that finds one or more numbers an image and compares the classes in them.

    It measures pixels or takes numbers from the catalog, those that `measures` describes and perhaps others that only
    its own summary needs.
    """

    measures: ClassVar[dict[str, Measure]]
    blind: ClassVar[str] = ""  # what the measures can't see

    def summarise(self, dataset: Dataset) -> Finding:
        """Percentiles a class and part, and the area under the ROC curve of each class against the rest."""
        compared = {name: compare_classes(dataset, name, len(self.measures)) for name in self.measures}
        numbers: dict[str, Any] = {
            name: {
                "classes": {
                    label: percentiles | {"effect": asdict(one.effects[label])}
                    for label, percentiles in one.classes.items()
                },
                "parts": one.parts,
            }
            for name, one in compared.items()
        }
        varying = [(self.measures[name], one) for name, one in compared.items() if one.classes and not one.constant]
        constant = [(self.measures[name], one) for name, one in compared.items() if one.classes and one.constant]
        limits = [Block(text=f"What this can't see: {self.blind}.")] if self.blind else []
        return Finding(numbers, [*limits, *_blocks(self.title, varying), *_constant(constant)], _sentences(varying))


def _blocks(title: str, compared: list[tuple[Measure, Comparison]]) -> list[Block]:
    """What is measured, the drawing of all measures, and the numbers of each."""
    if not compared:
        return []
    from tasks.explore.charts import clearest, draw_classes

    medians = [
        [measure.title, measure.meaning, *(_median(measure, one, part) for part in ("train", "test"))]
        for measure, one in compared
    ]
    grid = Grid(["measure", "what it is", "median in training", "in test"], medians, frozenset({1}))
    shown = clearest([one for _, one in compared])
    some = f"the {len(shown)} classes that differ most" if len(shown) < len(compared[0][1].classes) else "all classes"
    numbers = [_grid(measure, one, shown, f"{measure.title}: the numbers of {some}") for measure, one in compared]
    return [Block(grid=grid), Block(plot=draw_classes(title, compared, shown)), *(Block(grid=one) for one in numbers)]


def _median(measure: Measure, compared: Comparison, part: str) -> str:
    if part not in compared.parts:
        return ""
    return measure.show(compared.parts[part]["mean" if measure.share else "median"])


def _constant(compared: list[tuple[Measure, Comparison]]) -> list[Block]:
    """A sentence on the measures in which all training images agree."""
    if not compared:
        return []
    values = ", ".join(f"{measure.title.lower()} {_median(measure, one, 'train')}" for measure, one in compared)
    return [Block(text=f"The same for all training images, so of no use to a network: {values}.")]


def _grid(measure: Measure, compared: Comparison, shown: list[str], folded: str) -> Grid:
    from markupsafe import Markup

    quartiles = {"q1": "lower quartile", "median": "median", "q3": "upper quartile"}
    columns = {"mean": "share"} if measure.share else quartiles
    rows = []
    for label in shown:
        numbers, one = compared.classes[label], compared.effects[label]
        interval = Markup('{:.2f} <span class="interval">[{:.2f}, {:.2f}]</span>').format(one.auc, one.low, one.high)
        tag = Markup('<span class="tag {}">{}</span>').format(TAGS.get(one.strength, ""), one.strength)
        shown_numbers = [measure.show(numbers[key]) for key in columns]
        rows.append([label, f"{numbers['n']:,}", *shown_numbers, interval, tag])
    headers = ["class", "training images", *columns.values(), "AUC against the rest", "link"]
    return Grid(headers, rows, folded=folded)


def _sentences(compared: list[tuple[Measure, Comparison]]) -> list[str]:
    """What to watch, in one sentence: the measure that is linked most strongly, and which others are."""
    linked = [
        (measure, {label: one for label, one in comparison.effects.items() if one.shown})
        for measure, comparison in compared
    ]
    linked = [(measure, effects) for measure, effects in linked if effects]
    if not linked:
        return []
    linked.sort(key=lambda item: -max(abs(one.auc - 0.5) for one in item[1].values()))
    measure, effects = linked[0]
    first = sorted(effects, key=lambda label: (-abs(effects[label].auc - 0.5), label))[:NAMED]
    told = "; ".join(f"{label} {_told(effects[label])}" for label in first)
    more = f"; and {len(effects) - NAMED} more classes" if len(effects) > NAMED else ""
    others = [other.title.lower() for other, _ in linked[1:]]
    also = f" The same holds of {', '.join(others)}." if others else ""
    return [f"{measure.title} goes with the class: {told}{more}.{also} A shortcut, unless it is what makes the class."]


def _told(one: Effect) -> str:
    side = "larger" if one.auc > 0.5 else "smaller"
    share, *ends = (one.auc, one.low, one.high) if one.auc > 0.5 else (1 - one.auc, 1 - one.high, 1 - one.low)
    return f"{side} in {share:.0%} of pairs with another class [{ends[0]:.0%}, {ends[1]:.0%}]"
