"""The learning curve a class: of which class more images would help most.

One class at a time is cut to a share of its training images while the others keep theirs; what the last doubling of its
images brought is what another doubling can be hoped to bring at most, since such curves flatten (Hestness et al., Deep
learning scaling is predictable, empirically, 2017).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.decimals import signed
from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.probing import Labelled
from tasks.statistics.discriminant import Moments
from tasks.statistics.folds import FOLDS
from tasks.statistics.interval import CONFIDENCE
from tasks.statistics.principal_components import principal_components
from tasks.statistics.shares import wilson
from tasks.statistics.standard_errors import clustered_error

if TYPE_CHECKING:
    from markupsafe import Markup

    from tasks.explore.dataset import Dataset

SHARES = (1 / 8, 1 / 4, 1 / 2)  # of a class's images, nested; then all of them
DRAWS = 4  # random orders in which a class's groups come
MOST_ROWS = 10_000  # in the fits; more are cut from the largest classes
MOST_CLASSES = 30  # that get a curve, the rarest
DRAWN = 12  # curves in the plot
HELPS, LOWERS, UNKNOWN = "helps", "lowers it", "can't say"


@dataclass(frozen=True)
class Curve:
    """What more images of one class bring.

    Attributes
    ----------
    images
        Images of the class in the fits, one number a share: the mean over folds and draws. The last is with all.
    recalls, accuracies
        Cross-validated recall of the class, and balanced accuracy over all classes, one number a share.
    low, high
        The interval of the recall with all images.
    gain, gain_low, gain_high
        What the last doubling brought the balanced accuracy. The intervals of all classes hold together.
    verdict
        "helps" or "lowers it" where the interval lies on one side of zero, else "can't say".
    """

    images: list[float]
    recalls: list[float]
    accuracies: list[float]
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    verdict: str


class LearningCurve(Check):
    """Recall by the number of training images, a class at a time, on the features."""

    name: Literal["learning_curve"] = "learning_curve"
    title = "Learning curves"
    question = "Of which class would more images help most?"
    order = 14
    number = 7

    def summarise(self, dataset: Dataset) -> Finding:
        """Recall of a fast classifier fitted on 1/8, 1/4, 1/2 and all images of a class."""
        rows = _limited(Labelled.of(dataset))
        if len(rows.classes) < 2:
            return Finding({}, [Block("", "There are no two classes with two independent training images each.")])
        curves = learning_curves(dataset.features.take(rows.image_ids.tolist()), rows, dataset.params.seed)
        helping = [label for label, one in curves.items() if one.verdict == HELPS]
        best = max(helping, key=lambda label: _gain_an_image(curves[label])) if helping else None
        numbers: dict[str, Any] = {"classes": {label: asdict(one) for label, one in curves.items()}, "helps_most": best}
        sentence = _sentence(curves, best)
        return Finding(numbers, [_block(curves, len(rows.classes), sentence)], [sentence] if best else [])


def learning_curves(features: np.ndarray, rows: Labelled, seed: int) -> dict[str, Curve]:
    """A curve a class, in the order of `rows.classes`; with many classes, of the rarest only.

    Parameters
    ----------
    features
        Shape (n, d), in the order of `rows`.
    seed
        Decides in which order the groups of a class come.
    """

    n, k = len(rows.labels), len(rows.classes)
    examined = range(max(0, k - MOST_CLASSES), k)
    everything = np.zeros(n, dtype=bool)
    hits = {one: np.zeros((len(SHARES), DRAWS, n), dtype=bool) for one in examined}
    images = {one: np.zeros(len(SHARES) + 1) for one in examined}
    orders = {(one, draw): _order(rows, one, [seed, draw, one]) for one in examined for draw in range(DRAWS)}
    for fold in range(FOLDS):
        inside = rows.folds != fold
        if inside.all():
            continue
        project = principal_components(features[inside])
        values, labels = project(features), rows.labels
        moments = Moments.of(values[inside], labels[inside], k)
        everything[~inside] = _right(moments, values[~inside], labels[~inside])
        for one in examined:
            others = moments.without(one, values[inside & (labels == one)])
            for draw in range(DRAWS):
                order = orders[one, draw]
                members = order[inside[order]]
                images[one][-1] += len(members) / FOLDS / DRAWS
                for at, share in enumerate(SHARES):
                    kept = members[: max(1, round(share * len(members)))]
                    images[one][at] += len(kept) / FOLDS / DRAWS
                    fewer = others.with_rows(one, values[kept])
                    hits[one][at, draw, ~inside] = _right(fewer, values[~inside], labels[~inside])
    return {rows.classes[one]: _curve(one, hits[one], everything, images[one], rows, len(examined)) for one in examined}


def _order(rows: Labelled, one: int, seed: list[int]) -> np.ndarray:
    """The images of class `one`, its groups in random order, relatives one after the other."""
    members = np.flatnonzero(rows.labels == one)
    place = np.random.default_rng(seed).permutation(int(rows.groups.max()) + 1)
    return members[np.argsort(place[rows.groups[members]], kind="stable")]


def _right(moments: Moments, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    weights, offsets = moments.discriminant()
    right: np.ndarray = (values @ weights + offsets).argmax(axis=1) == labels
    return right


def _curve(
    one: int, hits: np.ndarray, everything: np.ndarray, images: np.ndarray, rows: Labelled, examined: int
) -> Curve:
    """Sum up the answers to the images of all classes, with shares of class `one` (see `learning_curves`)."""
    from scipy.stats import t

    counts = np.bincount(rows.labels)

    def recalls_of(right: np.ndarray) -> np.ndarray:
        recalls: np.ndarray = np.bincount(rows.labels, right) / counts
        return recalls

    by_share = [np.mean([recalls_of(right) for right in share], axis=0) for share in hits] + [recalls_of(everything)]
    groups = int(rows.groups_by_class[one])
    low, high = wilson(float(by_share[-1][one]), groups)
    differences = everything.astype(float) - hits[-1]
    draws = [recalls_of(difference).mean() for difference in differences]
    gain = float(np.mean(draws))
    # Other test images would change it, and so would another half of the class.
    error = np.hypot(
        clustered_error(differences.mean(axis=0), rows.labels, rows.groups), np.std(draws, ddof=1) / len(draws) ** 0.5
    )
    half = float(t.ppf(1 - (1 - CONFIDENCE) / 2 / examined, max(1, groups - 1)) * error)
    verdict = HELPS if gain - half > 0 else LOWERS if gain + half < 0 else UNKNOWN
    return Curve(
        images=images.tolist(),
        recalls=[float(recalls[one]) for recalls in by_share],
        accuracies=[float(recalls.mean()) for recalls in by_share],
        low=float(low),
        high=float(high),
        gain=gain,
        gain_low=max(-1.0, gain - half),
        gain_high=min(1.0, gain + half),
        verdict=verdict,
    )


def _limited(rows: Labelled) -> Labelled:
    """The same rows, those of the largest classes cut off where there are more than `MOST_ROWS`."""
    from dataclasses import replace

    if len(rows.labels) <= MOST_ROWS:
        return rows
    counts = np.bincount(rows.labels)
    sizes = np.arange(counts.max() + 1)
    most = int(sizes[np.array([np.minimum(counts, size).sum() for size in sizes]) <= MOST_ROWS].max())
    # Image ids are hashes: the first of a class are a fair draw.
    kept = np.sort(np.concatenate([np.flatnonzero(rows.labels == one)[:most] for one in range(len(counts))]))
    fields = ("image_ids", "labels", "groups", "folds")
    return replace(rows, **{name: getattr(rows, name)[kept] for name in fields})


def _gain_an_image(curve: Curve) -> float:
    return curve.gain / (curve.images[-1] - curve.images[-2])


def _sentence(curves: dict[str, Curve], best: str | None) -> str:
    if best is None:
        return (
            "Of no class can it be said that more images would help: the interval of what the last doubling of its "
            "images brought holds zero."
        )
    one = curves[best]
    before, after = one.images[-2:]
    return (
        f"More images of {best} would help most: going from {before:,.0f} to {after:,.0f} raised balanced accuracy by "
        f"{one.gain:.3f} (interval {one.gain_low:.3f} to {one.gain_high:.3f}); {after:,.0f} more can be hoped to bring "
        f"about that at most."
    )


def _block(curves: dict[str, Curve], classes: int, sentence: str) -> Block:
    from markupsafe import Markup

    text = (
        "A fast classifier on the features is fitted on a share of one class's images and all of the others', and "
        "tested on images that it has not seen, relatives kept together, all classes counted alike. "
    )
    if len(curves) < classes:
        text += f"The {len(curves)} rarest of {classes} classes. "
    pair = Markup('{} <span class="interval">[{}, {}]</span>')
    recall = Markup('{:.2f} <span class="interval">[{:.2f}, {:.2f}]</span>')
    tag = Markup('<span class="tag {}">{}</span>')
    kinds = {HELPS: "good", LOWERS: "warn", UNKNOWN: ""}
    grid = [
        [
            label,
            f"{one.images[-2]:,.0f} to {one.images[-1]:,.0f}",
            *(f"{value:.2f}" for value in one.recalls[:-1]),
            recall.format(one.recalls[-1], one.low, one.high),
            pair.format(signed(one.gain), signed(one.gain_low), signed(one.gain_high)),
            tag.format(kinds[one.verdict], one.verdict),
        ]
        for label, one in curves.items()
    ]
    headers = ["class", "last doubling", "recall at 1/8", "1/4", "1/2", "all", "gain in balanced accuracy", "verdict"]
    return Block("", text + sentence, _plot(curves), Grid(headers, grid))


def _plot(curves: dict[str, Curve]) -> Markup:
    from tasks.lettering import in_chart
    from tasks.page import PALETTE, new_figure, svg

    figure = new_figure(9.2, 3.4)
    axes = figure.subplots()
    for number, (label, one) in enumerate(list(curves.items())[-DRAWN:]):
        colour = PALETTE[number % len(PALETTE)]
        style = "-" if number < len(PALETTE) else "--"
        axes.plot(one.images, one.recalls, style, marker="o", markersize=4, color=colour, label=in_chart(label))
        axes.plot([one.images[-1]] * 2, [one.low, one.high], color=colour, linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("images of the class in the fit, the other classes whole")
    axes.set_ylabel("recall of the class")
    figure.legend(frameon=False, loc="outside right center")
    return svg(figure, "Recall of each class by the number of its training images", list(curves)[-DRAWN:])
