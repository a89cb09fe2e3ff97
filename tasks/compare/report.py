"""The one report that people read: the answer first, then what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.compare.audits import Audited
from tasks.compare.before_after import before_after
from tasks.compare.charts import difference_scale
from tasks.compare.comparison import Comparison
from tasks.compare.curves import precision_recall
from tasks.compare.feature_map import FeatureMap
from tasks.compare.heldout import CONFIRMED, Confirmation
from tasks.compare.mistakes import Mistake
from tasks.compare.probabilities import calibration_chart, mixes_chart, operating_rows
from tasks.compare.verdicts import BASELINE, HELD_BACK, HELPS, HURTS, NO_DIFFERENCE, UNCLEAR
from tasks.compare.wording import between, breakable, made_of
from tasks.decimals import decimal, percent, signed
from tasks.evaluate.scored import Scored
from tasks.page import BAD, GOOD, NEUTRAL, render
from tasks.shortcuts import CLEAN, NOT_AUDITED, NOTHING, SHORTCUT
from tasks.shortcuts import UNCLEAR as UNCLEAR_AUDIT
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import Interval
from tasks.statistics.shares import wilson
from tasks.tables import ORIGINS

TONES = {HELPS: "good", HURTS: "bad", UNCLEAR: "warn", HELD_BACK: "bad", NO_DIFFERENCE: "", BASELINE: ""}
COLOURS = {HELPS: GOOD, HURTS: BAD, UNCLEAR: "#9a6700", HELD_BACK: "#8e44ad", NO_DIFFERENCE: NEUTRAL}
AUDIT_TONES = {SHORTCUT: "bad", CLEAN: "good", UNCLEAR_AUDIT: "warn", NOT_AUDITED: "warn", NOTHING: ""}
ACROSS = 12  # classes that stand side by side in a table; more stand below each other
FOLDED = 20  # rows from which a long table is folded away
SHOWN_MATRIX = 30  # a confusion matrix of more classes can't be read on a page; the plots of `evaluate` have it


@dataclass(frozen=True)
class ReportData:
    """All that the report shows.

    Attributes
    ----------
    board
        The leaderboard, see `tasks.compare.leaderboard.leaderboard`.
    scored
        The baseline's out-of-fold scores: how many images and groups there are.
    confusion, reliability, operating, mixes
        Tables of the stage `evaluate`, all strategies.
    class_counts
        By recipe, the class counts `before` and `after` from the balanced set's summary.
    audits
        By strategy.
    samples
        Contact sheets as data URIs, by recipe and class.
    curves
        Of precision and recall, see `tasks.compare.curves.read_curves`.
    mistakes
        The recommended strategy's; None where its scores are no probabilities.
    feature_map
        Of the recommended strategy's backbone; None where it has none.
    draws
        Number of bootstrap draws.
    margin_share
        The margin as a share of the odds.
    """

    comparison: Comparison
    confirmation: Confirmation
    board: dict[str, Any]
    scored: Scored
    confusion: pd.DataFrame
    reliability: pd.DataFrame
    operating: pd.DataFrame
    mixes: pd.DataFrame
    class_counts: dict[str, dict[str, Any]]
    audits: dict[str, Audited]
    samples: dict[str, dict[str, str]]
    curves: pd.DataFrame
    mistakes: list[Mistake] | None
    feature_map: FeatureMap | None
    draws: int
    margin_share: float


def report(data: ReportData) -> str:
    """The report as one HTML page that needs no network, the same bytes for the same data."""
    comparison = data.comparison
    pair = list(dict.fromkeys([comparison.baseline, comparison.recommended]))
    counts = data.scored.class_counts
    rarest_first = [comparison.classes[code] for code in np.argsort(counts, kind="stable")]
    total = len(data.scored.image_ids)
    images = comparison.class_counts
    groups = dict(zip(comparison.classes, map(int, data.scored.group_counts), strict=True))
    picture = before_after(comparison, rarest_first, images, groups)
    shares = {label: number / total for label, number in images.items()}
    against = list(filter(None, (comparison.baseline, picture.other)))
    return render(
        Path(__file__).with_name("report.html"),
        data=data,
        comparison=comparison,
        board=data.board,
        confirmation=data.confirmation,
        pair=pair,
        margin_share=data.margin_share,
        label=comparison.goal.label,
        images=images,
        groups=groups,
        picture=picture,
        image_total=total,
        group_total=len(np.unique(data.scored.groups)),
        rarest_first=rarest_first,
        tally=[
            (judged, [name for name in comparison.ranked if comparison.verdicts[name] == judged])
            for judged in (HELPS, NO_DIFFERENCE, UNCLEAR, HURTS, HELD_BACK)
        ],
        forest=_forest(comparison),
        trade_offs=_trade_offs(comparison, rarest_first),
        recipes=_recipes(data.class_counts, rarest_first),
        matrices=_matrices(data.confusion, pair, rarest_first) if len(rarest_first) <= SHOWN_MATRIX else {},
        curves=precision_recall(data.curves, comparison, against, rarest_first, shares),
        confusions=_confusions(data.confusion, pair),
        calibration=calibration_chart(comparison, data.reliability, pair),
        operating=operating_rows(data.operating, comparison.recommended, rarest_first),
        mixes=mixes_chart(data.mixes, comparison),
        mixes_shown=set(data.mixes["mix"]),
        audited=[(name, data.audits[name]) for name in comparison.ranked if data.audits[name].outcome != NOTHING],
        tones=TONES,
        audit_tones=AUDIT_TONES,
        colours=COLOURS,
        origins=[
            origin
            for origin in ORIGINS
            if any(origin in counts for recipe in data.class_counts.values() for counts in recipe["after"].values())
        ],
        rarest_half_width=_half_width(data, comparison),
        fewest_groups=FEWEST_GROUPS,
        across=ACROSS,
        folded=FOLDED,
        confirmed=CONFIRMED,
        decimal=decimal,
        signed=signed,
        between=between,
        breakable=breakable,
        made_of=made_of,
        percent=percent,
    )


def _half_width(data: ReportData, comparison: Comparison) -> float:
    """How far the interval of a recall of one half reaches in the rarest class."""
    low, high = wilson(np.array(0.5), data.scored.effective_group_counts[data.scored.rarest], comparison.confidence)
    return float(high - low) / 2


def _forest(comparison: Comparison) -> dict[str, Any]:
    """The forest plot: a line a strategy, best first, and the scale in percent of the width."""
    names = [name for name in comparison.ranked if name in comparison.differences]
    differences = [comparison.differences[name] for name in names]
    scale = difference_scale(
        [each.low for each in differences], [each.high for each in differences], comparison.margin, 0, 100
    )
    return {"names": names, "scale": scale}


def _trade_offs(comparison: Comparison, classes: list[str]) -> list[dict[str, Any]]:
    """For each strategy, the classes whose recall certainly rose or fell."""
    rows = []
    for name in comparison.ranked:
        if name not in comparison.recall_changes:
            continue
        known = comparison.recall_changes[name]
        changes = [(label, known[label]) for label in classes if label in known]
        proved = [(label, change) for label, change in changes if change.is_proved(comparison.confidence)]
        rows.append(
            {
                "strategy": name,
                "rose": [(label, change) for label, change in proved if change.value > 0],
                "fell": [(label, change) for label, change in proved if change.value < 0],
            }
        )
    return rows


def _recipes(class_counts: dict[str, dict[str, Any]], classes: list[str]) -> list[dict[str, Any]]:
    """For each recipe the bars of its class counts, as shares of the longest bar of all."""
    most = max(sum(origins.values()) for counts in class_counts.values() for origins in counts["after"].values())
    recipes = []
    for name, counts in class_counts.items():
        after = {label: counts["after"].get(label, {}) for label in classes}
        totals = [sum(origins.values()) for origins in after.values()]
        recipes.append(
            {
                "name": name,
                "rows": [
                    {
                        "label": label,
                        "before": counts["before"].get(label, 0),
                        "after": sum(origins.values()),
                        "bars": [
                            (origin, origins[origin], round(100 * origins[origin] / most, 2))
                            for origin in ORIGINS
                            if origins.get(origin)
                        ],
                    }
                    for label, origins in after.items()
                ],
                "ratio": max(totals) / max(min(totals), 1),
            }
        )
    return recipes


def _matrices(confusion: pd.DataFrame, pair: list[str], classes: list[str]) -> dict[str, list[list[dict[str, Any]]]]:
    """Rows of cells of the confusion matrix of each strategy in `pair`, rarest class first."""
    matrices = {}
    for name in pair:
        own = confusion[confusion["strategy"] == name].set_index(["actual", "predicted"])
        matrices[name] = [[_cell(own.loc[(actual, predicted)]) for predicted in classes] for actual in classes]
    return matrices


def _confusions(confusion: pd.DataFrame, pair: list[str]) -> list[dict[str, Any]]:
    """The classes that the last strategy of `pair` takes for another most, as shares of the actual class."""
    tables = [confusion[confusion["strategy"] == name].set_index(["actual", "predicted"]) for name in pair]
    wrong = tables[-1][tables[-1].index.get_level_values(0) != tables[-1].index.get_level_values(1)]
    largest = wrong.sort_values("share", ascending=False, kind="stable").head(FOLDED)
    return [
        {"actual": actual, "predicted": predicted, "cells": [_cell(table.loc[(actual, predicted)]) for table in tables]}
        for actual, predicted in largest.index
    ]


def _cell(row: pd.Series) -> dict[str, Any]:
    return {"count": row["count"], "share": Interval(row["share"], row["low"], row["high"])}
