"""The drawing of one measure: a box a class, and how well the measure alone tells each class from the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.explore.effects import BOUNDS, CONFIDENCE
from tasks.page import ACCENT, INK, NEUTRAL, new_figure, svg

if TYPE_CHECKING:
    from markupsafe import Markup

    from tasks.explore.effects import Effect

CLASSES = 24  # in one drawing; with more, those that differ most


def shortened(label: str, length: int = 28) -> str:
    """A class name short enough for an axis, with matplotlib's mathematics switched off."""
    return (label if len(label) <= length else label[: length - 1] + "…").replace("$", r"\$")


def draw_classes(
    title: str, by_class: dict[str, dict[str, float]], effects: dict[str, Effect], *, logarithmic: bool
) -> Markup:
    """Draw the percentiles and the effect of each class.

    Parameters
    ----------
    title
        What is measured.
    by_class
        A class's percentiles `p5`, `q1`, `median`, `q3` and `p95`.
    effects
        A class's area under the ROC curve against the rest.
    logarithmic
        Whether values stand on a logarithmic axis, where all are positive.
    """
    labels = list(by_class)
    if len(labels) > CLASSES:
        clearest = set(sorted(labels, key=lambda label: -abs(effects[label].auc - 0.5))[:CLASSES])
        labels = [label for label in labels if label in clearest]
    figure = new_figure(9.2, 0.9 + 0.32 * len(labels))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    places = np.arange(len(labels))[::-1]
    keys = {"whislo": "p5", "q1": "q1", "med": "median", "q3": "q3", "whishi": "p95"}
    left.bxp(
        [{key: by_class[label][name] for key, name in keys.items()} for label in labels],
        positions=places,
        orientation="horizontal",
        widths=0.55,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": "#d7e5f5", "edgecolor": ACCENT},
        medianprops={"color": INK, "linewidth": 1.6},
        whiskerprops={"color": ACCENT},
        capprops={"color": ACCENT},
    )
    left.set_yticks(places, [shortened(label) for label in labels])
    if logarithmic and all(by_class[label]["p5"] > 0 for label in labels):
        left.set_xscale("log")
    left.set_xlabel(f"{title.lower()} (box: quartiles; whiskers: 5% to 95%)")
    for place, label in zip(places, labels, strict=True):
        effect = effects[label]
        colour = ACCENT if effect.shown else NEUTRAL
        right.plot([effect.low, effect.high], [place, place], color=colour, linewidth=2)
        right.plot([effect.auc], [place], "o", color=colour, markersize=5)
    smallest = BOUNDS[-1][0] / 2
    right.axvspan(0.5 - smallest, 0.5 + smallest, color="#e9edf1", zorder=0)
    right.axvline(0.5, color=NEUTRAL, linewidth=0.8)
    right.set_xlim(-0.02, 1.02)
    right.set_xlabel(f"AUC against the rest, {CONFIDENCE:.0%} interval")
    return svg(figure, f"{title}: percentiles a class, and how well it alone tells each class from the rest")
