"""The charts of the properties: a box a class, how well a measure tells each class from the rest, histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.explore.effects import BOUNDS
from tasks.lettering import in_chart
from tasks.page import ACCENT, BAD, GOOD, INK, NEUTRAL, new_figure, svg
from tasks.statistics.interval import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tasks.explore.comparison import Comparison, Measure

CLASSES = 24  # in one drawing; with more, those that differ most
TITLE = 22  # signs of a class name above a small histogram
ABREAST = 2  # measures beside each other
COLOURS = {"red": BAD, "green": GOOD, "blue": ACCENT}


def clearest(compared: Sequence[Comparison]) -> list[str]:
    """The classes that are shown: all, or those that some of these measures tell best from the rest."""
    labels = list(compared[0].classes)
    if len(labels) <= CLASSES:
        return labels
    distance = {label: max(abs(one.effects[label].auc - 0.5) for one in compared) for label in labels}
    chosen = set(sorted(labels, key=lambda label: -distance[label])[:CLASSES])
    return [label for label in labels if label in chosen]


def draw_classes(title: str, compared: Sequence[tuple[Measure, Comparison]], labels: Sequence[str]) -> Markup:
    """Draw the percentiles and the effect of each of some classes, for all measures of a property."""
    abreast = min(ABREAST, len(compared))
    rows = -(-len(compared) // abreast)
    figure = new_figure(9.2 if abreast == 1 else 11.5, rows * (0.9 + 0.28 * len(labels)))
    grid = figure.subplots(rows, 2 * abreast, sharey=True, squeeze=False, width_ratios=(3, 2) * abreast)
    places = np.arange(len(labels))[::-1]
    grid[0, 0].set_yticks(places, [in_chart(label) for label in labels])
    panels = grid.reshape(-1, 2)
    for (left, right), (measure, one) in zip(panels, compared, strict=False):
        _boxes(left, places, measure, [one.classes[label] for label in labels])
        effects = [one.effects[label] for label in labels]
        colours = [ACCENT if effect.shown else NEUTRAL for effect in effects]
        ends = [effect.low for effect in effects], [effect.high for effect in effects]
        right.hlines(places, *ends, color=colours, linewidth=2)
        right.scatter([effect.auc for effect in effects], places, color=colours, s=16, zorder=2)
        smallest = BOUNDS[-1][0] / 2
        right.axvspan(0.5 - smallest, 0.5 + smallest, color="#e9edf1", zorder=0)
        right.axvline(0.5, color=NEUTRAL, linewidth=0.8)
        right.set_xlim(-0.02, 1.02)
        right.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        right.set_xlabel(f"AUC, {CONFIDENCE:.0%} interval")
    for left, right in panels[len(compared) :]:
        left.set_axis_off()
        right.set_axis_off()
    description = f"{title}: percentiles a class, and how well each measure alone tells each class from the rest"
    return svg(figure, description, labels)


def _boxes(axes: Any, places: np.ndarray, measure: Measure, numbers: Sequence[dict[str, float]]) -> None:
    """A box of the quartiles with whiskers from 5% to 95%, or a bar of the share, for each class."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    low, q1, median, q3, high, mean = (
        np.array([one[key] for one in numbers]) for key in ("p5", "q1", "median", "q3", "p95", "mean")
    )
    box = {"height": 0.55, "facecolor": "#d7e5f5", "edgecolor": ACCENT}
    if measure.share:
        axes.barh(places, mean, **box)
    else:
        axes.hlines(places, low, high, color=ACCENT, linewidth=1, zorder=0)
        axes.vlines(np.concatenate([low, high]), *(np.tile(places, 2) + end for end in (-0.15, 0.15)), color=ACCENT)
        axes.barh(places, q3 - q1, left=q1, **box)
        axes.vlines(median, places - 0.28, places + 0.28, color=INK, linewidth=1.6)
    if measure.logarithmic and low.min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(measure.title.lower())


def draw_histograms(histograms: dict[str, dict[str, list[float]]]) -> Markup:
    """Draw the mean histogram of each class, its channels' shares from dark to bright; of the first classes if many."""
    shown = list(histograms.items())[:CLASSES]
    columns = min(6, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(1.8 * columns + 0.4, 1.35 * rows + 0.2)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (label, channels) in zip(grid.flat, shown, strict=False):
        for channel, values in channels.items():
            axes.stairs(values, np.linspace(0, 1, len(values) + 1), color=COLOURS[channel], linewidth=1.2)
        axes.set_title(in_chart(label, TITLE), fontsize=8)
        axes.set_xticks([0, 1])
        axes.set_yticks([])
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_axis_off()
    return svg(figure, "Mean histogram of red, green and blue a class", [label for label, _ in shown], TITLE)
