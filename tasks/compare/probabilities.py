"""What the report says of probabilities: calibration, operating points, and other class mixes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from tasks.compare.comparison import Comparison
from tasks.decimals import decimal
from tasks.evaluate.calibration import AS_GIVEN, CALIBRATION_ERROR, CORRECTED
from tasks.evaluate.figures import draw_reliability
from tasks.evaluate.mixes import ADAPTED, AS_DECIDED
from tasks.page import ACCENT, NEUTRAL, new_figure, svg
from tasks.statistics.interval import Interval

SHOWN_POINTS = 6  # classes whose operating points stand in the report; `operating.csv` has all
BASELINE_COLOUR = "#d97706"


def calibration_chart(comparison: Comparison, reliability: pd.DataFrame, pair: Sequence[str]) -> Markup:
    """Reliability diagrams of the strategies in `pair` that give probabilities, side by side."""
    pair = [name for name in pair if CALIBRATION_ERROR in comparison.metrics[name]]
    if not pair:
        return Markup("<p>Neither gives probabilities, so there is no calibration to look at.</p>")
    figure = new_figure(4.6 * len(pair), 3.7)
    every_axes = figure.subplots(1, len(pair), sharey=True, squeeze=False)[0]
    for axes, name in zip(every_axes, pair, strict=True):
        draw_reliability(axes, reliability[reliability["strategy"] == name])
        given, corrected = (comparison.metrics[name].get(prefix + CALIBRATION_ERROR) for prefix in ("", CORRECTED))
        told = f"calibration error {decimal(given.value)} {AS_GIVEN}" if given else ""
        told += f", {decimal(corrected.value)} corrected" if corrected else ""
        axes.set_title(f"{name}\n{told}", fontsize=9)
        axes.set_xlabel("the largest probability")
    return svg(figure, "Share of decisions that are right, by confidence, for " + " and ".join(pair))


def operating_rows(operating: pd.DataFrame, strategy: str, rarest_first: Sequence[str]) -> list[dict[str, Any]]:
    """The operating points of the rarest classes under a strategy, a row a class and point."""
    own = operating[(operating["strategy"] == strategy) & operating["class"].isin(rarest_first[:SHOWN_POINTS])]
    place = {label: number for number, label in enumerate(rarest_first)}
    own = own.sort_values("class", key=lambda labels: labels.map(place), kind="stable")
    return [
        {
            "label": row["class"],
            "wanted": row["wanted"],
            "cutoff": row["cutoff"],
            **{
                name: Interval(*(float(row[name + end]) for end in ("", "_low", "_high")))
                for name in ("recall", "precision", "alarms")
            },
        }
        for row in own.to_dict("records")
    ]


def mixes_chart(mixes: pd.DataFrame, comparison: Comparison) -> Markup:
    """The accuracy of every strategy under each class mix: as decided, and adapted to the mix."""
    figure = new_figure(9.2, 3.7)
    every_axes = figure.subplots(1, 2, sharey=True)
    order = list(dict.fromkeys(mixes["mix"]))
    told = {comparison.baseline: BASELINE_COLOUR, comparison.recommended: ACCENT}
    for axes, state in zip(every_axes, (AS_DECIDED, ADAPTED), strict=True):
        rows = mixes[mixes["decisions"] == state]
        for name in [one for one in comparison.metrics if one not in told] + list(told):
            own = rows[rows["strategy"] == name].set_index("mix").reindex(order)
            colour = told.get(name, NEUTRAL)
            main = name in told
            axes.plot(
                range(len(order)),
                own["accuracy"],
                color=colour,
                lw=2.0 if main else 0.8,
                alpha=1.0 if main else 0.45,
                marker="o",
                ms=5 if main else 2.5,
                label=name if main else "_",
            )
            if main:
                axes.fill_between(range(len(order)), own["low"], own["high"], color=colour, alpha=0.12, lw=0)
        axes.set_xticks(range(len(order)), order)
        axes.set(
            title="decisions as they are" if state == AS_DECIDED else "decisions adapted to the mix", ylim=(0, 1.02)
        )
    every_axes[0].set_ylabel("accuracy")
    every_axes[0].legend(frameon=False, fontsize=8, loc="best")
    return svg(figure, "Accuracy of each strategy where the classes have other shares")
