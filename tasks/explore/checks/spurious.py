"""Spurious properties: what tells the classes apart without a look at what the image shows.

Each property alone predicts the label of images that it was not fitted on. A network finds such a shortcut sooner than
the object; it is cheaper to find it before that (Geirhos et al., Shortcut learning in deep neural networks, 2020).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.explore.binned_properties import binned_properties
from tasks.explore.binning import Binned
from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.probing import Labelled
from tasks.explore.shuffled_labels import against_shuffled_labels
from tasks.statistics.association import balanced_accuracy, cross_validated_hits, fold_table
from tasks.statistics.permutation import Tested
from tasks.statistics.shares import mean_of_shares

if TYPE_CHECKING:
    from markupsafe import Markup

    from tasks.explore.dataset import Dataset

LEVEL = 0.05  # of the adjusted p-value
STRENGTHS = ((0.5, "strong", "bad"), (0.2, "medium", "warn"), (0.05, "weak", "warn"))
SLIGHT, NONE = "slight", "none"
NAMED = 4  # properties in the sentence
DRAWN = 24


@dataclass(frozen=True)
class Shortcut:
    """One property, and how well it predicts the label.

    Attributes
    ----------
    accuracy, low, high
        Cross-validated balanced accuracy and its interval.
    lift
        Share of the way from chance to perfect that the interval's lower end reaches; 0 where chance does as well.
    strength
        What `lift` is called: strong, medium, weak, slight or none.
    by_chance, p_value, p_adjusted
        See `tasks.statistics.permutation.Tested`.
    known
        Images that have a value.
    best_class, recall
        The class of which it finds the largest share, and that share.
    """

    title: str
    accuracy: float
    low: float
    high: float
    lift: float
    strength: str
    by_chance: float
    p_value: float
    p_adjusted: float
    known: int
    best_class: str
    recall: float


class Spurious(Check):
    """Every measure and every fact of the file, alone, against the label."""

    name: Literal["spurious"] = "spurious"
    title = "Spurious properties"
    question = "How well does a single property predict the label, without a look at what the image shows?"
    order = 16

    def summarise(self, dataset: Dataset) -> Finding:
        """Cross-validated balanced accuracy of each property of the training images, against shuffled labels."""
        rows = Labelled.of(dataset)
        if len(rows.classes) < 2:
            return Finding({}, [Block("", "There are no two classes with two independent training images each.")])
        images = dataset.training.set_index("image_id").loc[rows.image_ids]
        properties = binned_properties(images, len(np.unique(rows.groups)), dataset.measure_titles)
        constant = [binned.title for binned in properties if binned.bins == 1]
        found = find_shortcuts([binned for binned in properties if binned.bins > 1], rows, dataset)
        chance = 1 / len(rows.classes)
        numbers: dict[str, Any] = {
            "chance": chance,
            "permutations": dataset.params.permutations,
            "properties": {name: asdict(one) for name, one in found.items()},
            "constant": constant,
        }
        drawn = [{"property": one.title, "balanced_accuracy": one.accuracy} for one in found.values()]
        return Finding(numbers, _blocks(found, constant, rows, numbers), _sentences(found, chance), rows=drawn)


def find_shortcuts(properties: list[Binned], rows: Labelled, dataset: Dataset) -> dict[str, Shortcut]:
    """How well each of some properties predicts the label, the strongest first."""
    tested = against_shuffled_labels(properties, balanced_accuracy, rows, dataset.params)
    found = {binned.name: _shortcut(binned, one, rows) for binned, one in zip(properties, tested, strict=True)}
    return dict(sorted(found.items(), key=lambda item: (-item[1].lift, -item[1].accuracy, item[0])))


def _shortcut(binned: Binned, tested: Tested, rows: Labelled) -> Shortcut:
    table = fold_table(binned.codes, binned.bins, rows.labels, len(rows.classes), rows.folds)
    recalls = cross_validated_hits(table) / np.bincount(rows.labels)
    low, high = mean_of_shares(recalls.tolist(), rows.groups_by_class.tolist())
    chance = 1 / len(rows.classes)
    lift = max(0.0, (low - chance) / (1 - chance)) if tested.p_adjusted <= LEVEL else 0.0
    best = int(recalls.argmax())
    return Shortcut(
        title=binned.title,
        accuracy=tested.value,
        low=low,
        high=high,
        lift=lift,
        strength=next((name for bound, name, _ in STRENGTHS if lift >= bound), SLIGHT if lift > 0 else NONE),
        by_chance=tested.by_chance,
        p_value=tested.p_value,
        p_adjusted=tested.p_adjusted,
        known=binned.known,
        best_class=rows.classes[best],
        recall=float(recalls[best]),
    )


def _blocks(found: dict[str, Shortcut], constant: list[str], rows: Labelled, numbers: dict[str, Any]) -> list[Block]:
    from markupsafe import Markup

    tags = {name: kind for _, name, kind in STRENGTHS} | {NONE: "good"}
    grid = []
    for one in found.values():
        interval = Markup('{:.2f} <span class="interval">[{:.2f}, {:.2f}]</span>')
        tag = Markup('<span class="tag {}">{}</span>').format(tags.get(one.strength, ""), one.strength)
        grid.append(
            [
                one.title,
                interval.format(one.accuracy, one.low, one.high),
                f"{one.p_adjusted:.3f}",
                tag,
                f"{one.best_class} ({one.recall:.0%})",
                f"{one.known:,}",
            ]
        )
    headers = ["property", "balanced accuracy alone", "adjusted p", "shortcut", "finds best (recall)", "images with it"]
    text = (
        f"Each property alone guesses the label of training images that it was not fitted on, relatives kept together. "
        f"Knowing nothing gives a balanced accuracy of {numbers['chance']:.2f}. The p-value is the share of "
        f"{numbers['permutations']:,} shufflings of the labels between groups of relatives in which the best of all "
        f"properties does as well. A shortcut is called by how far the lower end of the interval lies on the way from "
        f"chance to perfect: weak from 5%, medium from 20%, strong from 50%. A network will use what works: is it what "
        f"makes the class?"
    )
    blocks = [Block("", text, _plot(found, numbers["chance"]) if found else None, Grid(headers, grid))]
    if constant:
        blocks.append(
            Block("", f"Skipped, because all training images agree in it: {', '.join(sorted(constant)).lower()}.")
        )
    return blocks


def _plot(found: dict[str, Shortcut], chance: float) -> Markup:
    from tasks.lettering import in_chart
    from tasks.page import BAD, NEUTRAL, new_figure, svg

    shown = list(found.values())[:DRAWN]
    figure = new_figure(9.2, 0.8 + 0.24 * len(shown))
    axes = figure.subplots()
    places = np.arange(len(shown))[::-1]
    for place, one in zip(places, shown, strict=True):
        colour = NEUTRAL if one.strength in (SLIGHT, NONE) else BAD
        axes.plot([one.low, one.high], [place, place], color=colour, linewidth=2)
        axes.plot([one.accuracy], [place], "o", color=colour, markersize=5)
    axes.axvline(chance, color=NEUTRAL, linewidth=0.8, linestyle="--")
    axes.annotate("chance", (chance, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8)
    axes.set_yticks(places, [in_chart(one.title) for one in shown])
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("balanced accuracy of the property alone, cross-validated, 95% interval")
    return svg(figure, "How well each property alone predicts the label", [one.title for one in shown])


def _sentences(found: dict[str, Shortcut], chance: float) -> list[str]:
    told = [one for one in found.values() if one.strength in [name for _, name, _ in STRENGTHS]]
    if not told:
        return []
    named = "; ".join(
        f"{one.title} {one.accuracy:.2f} [{one.low:.2f}, {one.high:.2f}], finding {one.recall:.0%} of {one.best_class}"
        for one in told[:NAMED]
    )
    more = f"; and {len(told) - NAMED} more properties" if len(told) > NAMED else ""
    return [
        f"Balanced accuracy of a single property, {chance:.2f} by chance: {named}{more}. A network will use this: is "
        f"it what makes the class?"
    ]
