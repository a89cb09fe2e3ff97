"""Whether the intervals that the report shows hold what is true; parts of `judge.py`.

Everything is found by the functions that the stages use. What is true comes from a very large draw of the same world,
without relatives and with the classes' shares; what hangs on a rule that was fitted to a dataset (corrected
probabilities, operating points, adapted decisions) is what that very rule does on a large draw.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np
from worlds import FITS, WORLDS, World

from tasks.evaluate.calibration import AS_CORRECTED, BINS, IF_MULTIPLE, probability_metrics
from tasks.evaluate.deciding import decided_by
from tasks.evaluate.evaluation import Evaluation
from tasks.evaluate.metrics import decision_metrics, shots
from tasks.evaluate.mixes import ADAPTED, NATURAL, class_mixes
from tasks.evaluate.out_of_fold import out_of_fold
from tasks.evaluate.ranking import RECALLS, ranking_metrics
from tasks.evaluate.scored import Scored
from tasks.goals.balanced_accuracy import BalancedAccuracy
from tasks.params.models import Evaluate
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import Interval
from tasks.statistics.shares import wilson

IMAGES, LARGE_FITS = 1_000_000, 12  # of all classes, and fits, that say what is true
RULED = 150_000  # images that say what one dataset's rule does
Truth = dict[str, float]
Held = defaultdict[str, list[list[bool]]]  # by kind of interval: of each dataset, whether each of its intervals holds


def covered(of_datasets: list[list[bool]]) -> str:
    """The share that holds, with Wilson's interval; intervals of one dataset count for as many as they vary like."""
    sizes = np.array([len(one) for one in of_datasets], dtype=float)
    hits = np.array([sum(one) for one in of_datasets], dtype=float)
    if not sizes.sum():
        return "none"
    share, number = hits.sum() / sizes.sum(), float((sizes > 0).sum())
    variance = ((hits - share * sizes) ** 2).sum() / sizes.sum() ** 2
    trials = np.clip(share * (1 - share) / variance if variance > 0 else number, number, sizes.sum())
    low, high = wilson(share, trials, 0.95)
    return f"{share:6.1%}  [{low:.1%}, {high:.1%}] of {int(sizes.sum()):,}"


def holds(interval: Interval, true: float) -> bool:
    """Whether an interval holds what is true; rounding decides nothing."""
    return bool(interval.low - 1e-9 <= true <= interval.high + 1e-9)


def held_metrics(held: Held, metrics: Mapping[str, Interval], true: Truth, few: Collection[str]) -> None:
    """Add which of one dataset's metrics hold; the classes of `few` can't be measured."""
    _of_dataset(held, _metrics(metrics, true, few))


def _of_dataset(held: Held, found: Iterable[tuple[str, bool]]) -> None:
    own: dict[str, list[bool]] = defaultdict(list)
    for kind, holding in found:
        own[kind].append(holding)
    for kind, hits in own.items():
        held[kind].append(hits)


def large(world: World, stream: np.random.Generator, images: int, fits: int) -> tuple[Scored, np.ndarray]:
    """A large draw, and weights of its images, shape (n, 1), by which classes have the world's shares."""
    found = world.large(stream, images // len(world.groups), fits)
    return found, np.array(world.groups)[found.labels][:, None]


def truth_of(scored: Scored, weights: np.ndarray, judged: np.ndarray, ruled: bool) -> Truth:
    """What is true of one or several fits, by the names that the report has; corrected probabilities alone if `ruled`.

    Parameters
    ----------
    scored
        A large draw.
    weights
        Of its images, shape (n, 1).
    judged
        The classes that judged means are over.
    ruled
        Whether only what hangs on a rule is wanted.
    """
    statistics = probability_metrics(scored)
    statistics = statistics[1:] if ruled else [decision_metrics(scored, judged), ranking_metrics(scored), *statistics]
    found: Truth = {}
    for statistic in statistics:
        for name, of_fits in statistic(weights).items():
            if name.endswith(IF_MULTIPLE):
                continue
            values = of_fits.mean(axis=0)[..., 0]
            keys = [name] if values.ndim == 0 else [f"{name}.{label}" for label in scored.classes]
            if values.ndim == 2:
                keys = [f"{key}.{recall:.2f}" for key in keys for recall in RECALLS]
            found |= dict(zip(keys, map(float, values.ravel()), strict=True))
            if name in ("roc_auc", "pr_auc"):
                found[name] = float(values.mean())
    return found


def confused(scored: Scored, weights: np.ndarray) -> Truth:
    """The shares of each class that are taken for another."""
    size = len(scored.classes)
    pairs = np.bincount((scored.labels * size + scored.decisions).ravel(), minlength=size**2).reshape(size, size)
    shares = pairs / pairs.sum(axis=1, keepdims=True)
    return {f"{a}>{b}": float(shares[i, j]) for i, a in enumerate(scored.classes) for j, b in enumerate(scored.classes)}


def binned(logs: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict[int, float]:
    """How often the likeliest class is the right one, by the bin of its probability."""
    right = logs.argmax(axis=-1) == labels
    bins = np.clip(np.ceil(np.exp(logs.max(axis=-1)) * BINS).astype(int) - 1, 0, BINS - 1)
    every = np.broadcast_to(weights[:, 0], right.shape)
    total = np.bincount(bins.ravel(), every.ravel(), minlength=BINS)
    hits = np.bincount(bins.ravel(), (every * right).ravel(), minlength=BINS)
    return {number: float(hits[number] / total[number]) for number in range(BINS) if total[number]}


def shown(datasets: int, draws: int) -> None:
    """Metrics, confusion, curves, reliability, operating points and mixes of one strategy in each world."""
    print("\nIntervals of one strategy that hold what is true, in several worlds together, and in each (aim: 95 %)")
    by_world = {}
    for place, (name, world) in enumerate(WORLDS.items()):
        by_world[name] = _of_world(world, place, datasets, draws)
        print(f"  {place + 1}: {name}, {', '.join(map(str, world.groups))} groups", flush=True)
    kinds = dict.fromkeys(kind for held in by_world.values() for kind in held)
    for kind in kinds:
        every = [one for held in by_world.values() for one in held[kind]]
        each = [[hit for one in held[kind] for hit in one] for held in by_world.values()]
        shares = "  ".join(f"{np.mean(hits):4.0%}" if hits else "   -" for hits in each)
        print(f"  {kind:<49} {covered(every):<33} {shares}")


def _of_world(world: World, place: int, datasets: int, draws: int) -> Held:
    """Which intervals hold in so many datasets of a world."""
    held = Held(list)
    judged = np.array(world.groups) >= FEWEST_GROUPS
    known = _known(world, np.random.default_rng([4, place]), judged)
    ruled, weights = large(world, np.random.default_rng([5, place]), RULED, FITS)
    for number in range(datasets):
        scored = world.dataset(np.random.default_rng([6, place, number]))
        settings = Evaluate.model_validate({"draws": draws, "seed": number})
        decided, found = out_of_fold(scored, BalancedAccuracy(), settings)
        assert found.rule is not None
        after = decided_by(ruled, found.rule)
        true = known | truth_of(after, weights, judged, ruled=True)
        for of_size, codes in shots(scored.class_counts).items():
            true[f"recall_{of_size}"] = float(np.mean([known[f"recall.{world.classes[code]}"] for code in codes]))
        _of_dataset(held, _held(world, decided, found, true, after, weights))
    return held


def _known(world: World, stream: np.random.Generator, judged: np.ndarray) -> Truth:
    """What is true in a world, whatever rule is fitted: means over many fits."""
    sums: dict[str, list[float]] = defaultdict(list)
    bins: dict[int, list[float]] = defaultdict(list)
    for _ in range(LARGE_FITS):
        one, weights = large(world, stream, IMAGES, 1)
        for key, value in (truth_of(one, weights, judged, ruled=False) | confused(one, weights)).items():
            sums[key].append(value)
        logs = np.log(one.probabilities)
        for number, value in binned(logs, one.labels, weights).items():
            bins[number].append(value)
    found = {key: float(np.mean(values)) for key, values in sums.items()}
    return found | {f"bin {number}": float(np.mean(values)) for number, values in bins.items()}


def _held(
    world: World, scored: Scored, found: Evaluation, true: Truth, after: Scored, weights: np.ndarray
) -> Iterator[tuple[str, bool]]:
    """Each interval that is shown: its kind, and whether it holds."""

    few = {label for label, number in zip(world.classes, scored.group_counts, strict=True) if number < FEWEST_GROUPS}
    yield from _metrics(found.metrics, true, few)
    for row in found.confusion.itertuples():
        yield (
            "cells of the confusion matrix" + (", not measurable" if row.actual in few else ""),
            holds(Interval(row.share, row.low, row.high), true[f"{row.actual}>{row.predicted}"]),
        )
    for name in ("precision", "false_positive_rate"):
        for label, recall, low, high in zip(
            found.curves["class"],
            found.curves["recall"],
            found.curves[f"{name}_low"],
            found.curves[f"{name}_high"],
            strict=True,
        ):
            yield (
                f"curve: {name} at a recall" + (", not measurable" if label in few else ""),
                holds(Interval(low, low, high), true[f"{name}_at.{label}.{recall:.2f}"]),
            )
    corrected = after.corrected
    assert corrected is not None
    of_rule = binned(corrected, after.labels, weights)
    for row in found.reliability.itertuples():
        number = round(row.bin_low * BINS)
        is_corrected = row.probabilities == AS_CORRECTED
        wanted = of_rule.get(number) if is_corrected else true.get(f"bin {number}")
        if wanted is not None:
            size = "" if row.images >= 20 else ", under 20 images"
            yield f"reliability, {row.probabilities}{size}", holds(Interval(row.accuracy, row.low, row.high), wanted)
    yield from _points(found, after, weights, few)
    mixes = class_mixes(scored.class_counts)
    before = np.array([true[f"recall.{label}"] for label in scored.classes])
    for row in found.mixes.itertuples():
        recalls = before
        if row.decisions == ADAPTED:
            chosen = (corrected + np.log(mixes[row.mix]) - np.log(mixes[NATURAL])).argmax(axis=-1)
            recalls = np.array([(chosen[:, after.labels == code] == code).mean() for code in range(len(before))])
        yield (
            f"accuracy, {row.mix} mix, {row.decisions}",
            holds(Interval(row.accuracy, row.low, row.high), float(mixes[row.mix] @ recalls)),
        )


def _metrics(metrics: Mapping[str, Interval], true: Truth, few: Collection[str]) -> Iterator[tuple[str, bool]]:
    recalls = {name: one.value for name, one in metrics.items() if name.startswith("recall.")}
    true = true | {"worst_recall": true[min(recalls, key=recalls.__getitem__)]}  # that of the class it is told of
    for name, one in metrics.items():
        metric, _, label = name.partition(".")
        of_class = (" of a class" if label else "") + (", not measurable" if label in few else "")
        if name != "majority_share":
            yield metric.replace("_", " ") + of_class, holds(one, true[name])


def _points(found: Evaluation, after: Scored, weights: np.ndarray, few: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Operating points: what the cut that is shown does on other images."""
    assert found.rule is not None
    evidence = found.rule.evidence(after.scores)
    every = weights[:, 0] / weights.sum()
    for row in found.operating.to_dict("records"):
        code = after.classes.index(row["class"])
        cut = np.log(row["cutoff"]) - np.log1p(-row["cutoff"])
        taken = evidence[..., code] >= cut
        own = after.labels == code
        alarms = float((taken @ every).mean())
        recall, right = float(taken[:, own].mean()), float((taken[:, own] @ every[own]).mean())
        wanted = {"recall": recall, "precision": right / alarms if alarms else 0.0, "alarms": alarms}
        for name, true in wanted.items():
            kind = f"operating point: {name}" + (", not measurable" if row["class"] in few else "")
            yield kind, holds(Interval(row[name], row[f"{name}_low"], row[f"{name}_high"]), true)
