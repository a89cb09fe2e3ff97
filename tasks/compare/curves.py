"""Precision and recall of the rarest classes: the baseline and another strategy in one chart, with bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from tasks.compare.comparison import Comparison
from tasks.decimals import decimal
from tasks.lettering import in_chart
from tasks.page import ACCENT, NEUTRAL, new_figure, svg

CHARTS = 3  # classes, the rarest
LONGEST = 24  # signs of a class's name above its chart


def read_curves(folder: Path) -> pd.DataFrame:
    """The curves of precision and recall that the stage `evaluate` wrote into `folder`, all strategies."""
    names = {"strategy": str, "class": str}  # classes may be called "NA" or "1"
    return pd.read_csv(folder / "pr.csv", dtype=names, keep_default_na=False)


def precision_recall(
    curves: pd.DataFrame,
    found: Comparison,
    pair: Sequence[str],
    rarest_first: Sequence[str],
    shares: Mapping[str, float],
) -> Markup:
    """A chart a class, side by side.

    Parameters
    ----------
    curves
        See `read_curves`.
    found
        The comparison, whose average precisions stand in the charts.
    pair
        The baseline, and the strategy that is set against it, if there is one.
    rarest_first
        The classes.
    shares
        Of each class among the images: the precision of guessing.
    """
    shown = list(rarest_first[:CHARTS])
    figure = new_figure(3.9 * len(shown), 3.7)
    every_axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, label in zip(every_axes, shown, strict=True):
        axes.axhline(shares[label], color=NEUTRAL, lw=0.8, ls=":")
        for strategy, colour in zip(pair, (NEUTRAL, ACCENT), strict=False):
            one = curves[(curves["strategy"] == strategy) & (curves["class"] == label)]
            area = found.metrics[strategy][f"pr_auc.{label}"]
            told = f"{strategy}  {decimal(area.value)} ({decimal(area.low)} to {decimal(area.high)})"
            axes.plot(one["recall"], one["precision"], lw=1.6, color=colour, label=told)
            axes.fill_between(
                one["recall"], one["precision_low"], one["precision_high"], color=colour, alpha=0.15, lw=0
            )
        axes.set(xlabel="recall", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(in_chart(label, LONGEST))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), frameon=False, fontsize=8)
    every_axes[0].set_ylabel("precision")
    return svg(figure, "Precision against recall of " + ", ".join(shown), shown, LONGEST)
