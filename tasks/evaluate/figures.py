"""The plots of one strategy: confusion matrix, precision-recall and ROC curves, calibration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.evaluate.calibration import AS_CORRECTED, AS_GIVEN, BINS, CALIBRATION_ERROR, CORRECTED
from tasks.evaluate.evaluation import Evaluation
from tasks.lettering import in_chart
from tasks.page import ACCENT, NEUTRAL, PALETTE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATES = {AS_GIVEN: NEUTRAL, AS_CORRECTED: ACCENT}  # of probabilities, and their colours
ANNOTATED = 15  # a confusion matrix of more classes has no room for numbers


def draw(evaluation: Evaluation, title: str) -> dict[str, Figure]:
    """All plots, by file name without ending; `title` stands on each."""
    figures = {
        "confusion": confusion_figure(evaluation, title),
        "precision_recall": precision_recall_figure(evaluation, title),
        "roc": roc_figure(evaluation, title),
    }
    if CALIBRATION_ERROR in evaluation.metrics:  # scores that are no probabilities have none
        figures["calibration"] = calibration_figure(evaluation, title)
    return figures


def confusion_figure(evaluation: Evaluation, title: str) -> Figure:
    """Shares of the actual class as colour, with the counts."""
    classes = evaluation.classes
    size = len(classes)
    shares = evaluation.confusion["share"].to_numpy().reshape(size, size)
    counts = evaluation.confusion["count"].to_numpy().reshape(size, size)
    side = min(max(2.6 + 0.62 * size, 4.4), 14.0)
    figure = new_figure(side + 0.6, side)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    support = counts.sum(axis=1)
    names = [in_chart(name) for name in classes]
    axes.set_xticks(range(size), names, rotation=30 if size <= ANNOTATED else 90, ha="right")
    axes.set_yticks(range(size), [f"{name}  ({count:,.0f})" for name, count in zip(names, support, strict=True)])
    axes.set(xlabel="predicted", ylabel="actual (images)")
    axes.set_title(f"{title}: where each class goes")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if size <= ANNOTATED:
        for row, column in np.ndindex(size, size):
            colour = "white" if shares[row, column] > 0.55 else "#1f2933"
            text = f"{shares[row, column]:.0%}\n{counts[row, column]:,.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    return figure


def precision_recall_figure(evaluation: Evaluation, title: str) -> Figure:
    """A curve a class, with its band."""
    figure = new_figure(6.0, 4.4)
    axes = figure.add_subplot()
    for curve, colour, label in _styled(evaluation, "pr_auc"):
        axes.plot(curve["recall"], curve["precision"], lw=1.6, color=colour, label=label)
        axes.fill_between(
            curve["recall"], curve["precision_low"], curve["precision_high"], color=colour, alpha=0.12, lw=0
        )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"{title}: precision and recall")
    _legend(axes, "class (average precision)")
    return figure


def roc_figure(evaluation: Evaluation, title: str) -> Figure:
    """A curve a class, with its band: at each recall, between which false positive rates."""
    figure = new_figure(6.0, 4.4)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8, ls=":")
    for curve, colour, label in _styled(evaluation, "roc_auc"):
        axes.plot(
            [0, *curve["false_positive_rate"]],
            [0, *curve["recall"]],
            lw=1.6,
            color=colour,
            label=label,
        )
        axes.fill_betweenx(
            curve["recall"],
            curve["false_positive_rate_low"],
            curve["false_positive_rate_high"],
            color=colour,
            alpha=0.12,
            lw=0,
        )
    axes.set(xlabel="false positive rate", ylabel="recall (true positive rate)", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"{title}: ROC, each class against the rest")
    _legend(axes, "class (area)")
    return figure


def calibration_figure(evaluation: Evaluation, title: str) -> Figure:
    """How often what is said to be probable is so, and how many images there are of each confidence."""
    figure = new_figure(5.0, 4.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    draw_reliability(upper, evaluation.reliability)
    upper.set_title(f"{title}: calibration")
    told = {AS_GIVEN: CALIBRATION_ERROR, AS_CORRECTED: CORRECTED + CALIBRATION_ERROR}
    errors = {state: evaluation.metrics[name] for state, name in told.items() if name in evaluation.metrics}
    lines = [f"error {state}: {one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for state, one in errors.items()]
    upper.text(0.97, 0.05, "\n".join(lines), va="bottom", ha="right", fontsize=7)
    for state, table in _states(evaluation.reliability):
        lower.stairs(*_steps(table), color=STATES[state], lw=1.2)
    lower.set(xlabel="the largest probability", ylabel="images")
    return figure


def draw_reliability(axes: Axes, table: pd.DataFrame) -> None:
    """The reliability diagram, as given and corrected: on the diagonal, probabilities are what they say."""
    axes.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8, ls=":")
    for state, own in _states(table):
        spread = np.abs(np.stack([own["accuracy"] - own["low"], own["high"] - own["accuracy"]]))
        axes.errorbar(
            own["confidence"],
            own["accuracy"],
            yerr=spread,
            color=STATES[state],
            marker="o",
            ms=4,
            lw=1.2,
            elinewidth=0.9,
            capsize=2,
            label=state,
        )
    axes.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _states(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of probabilities as given, and of corrected ones, where there are any."""
    for state in STATES:
        own = table[table["probabilities"] == state]
        if len(own):
            yield state, own


def _steps(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Images in every bin, also the empty ones, and the edges of the bins."""
    images = np.zeros(BINS)
    images[np.rint(table["bin_low"] * BINS).astype(int)] = table["images"]
    return images, np.linspace(0, 1, BINS + 1)


def _styled(evaluation: Evaluation, metric: str) -> Iterator[tuple[pd.DataFrame, str, str]]:
    """The curves, each with colour and label: the rarest classes in colour, too many others in grey."""
    counts = evaluation.confusion.groupby("actual")["count"].sum()
    for place, name in enumerate(sorted(evaluation.classes, key=lambda name: counts[name])):
        colour, shown = NEUTRAL, "_"
        if place < len(PALETTE):
            area = evaluation.metrics[f"{metric}.{name}"]
            colour = PALETTE[place]
            shown = f"{in_chart(name)}  {area.value:.2f} ({area.low:.2f} to {area.high:.2f})"
        yield evaluation.curves[evaluation.curves["class"] == name], colour, shown


def _legend(axes: Axes, title: str) -> None:
    axes.legend(
        title=title,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=2,
        frameon=False,
        fontsize=8,
        title_fontsize=8,
    )
