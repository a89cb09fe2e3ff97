"""How far the verdicts, intervals and bets of the stage `compare` can be believed, on simulated datasets.

    python benchmarks/judge.py [--datasets 200] [--draws 400] [--part nothing]

Each dataset has groups of relatives, a common class, a rarer one, and a tiny one that can't be measured. A group has a
difficulty of its own, which all strategies share, so that images of a group are right or wrong together and strategies
err on the same images, as on real data. What is true is known: the recall of each strategy and class.

The parts `shown`, `held-out` and `audit` simulate scores (`worlds.py`), and ask whether each kind of interval that the
report shows holds what is true.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from apart import audit, held_out
from shown import holds, shown
from worlds import FITS, MOST, OWN, SHARED

from tasks.compare.comparison import Comparison, compare
from tasks.compare.heldout import confirm
from tasks.evaluate.intervals import metric_intervals
from tasks.evaluate.metrics import decision_metrics
from tasks.evaluate.scored import Scored
from tasks.params.models import Compare, Evaluate
from tasks.statistics.bootstrap import estimate
from tasks.statistics.power import power_of_mean_difference
from tasks.statistics.shares import wilson

CLASSES = ["common", "rare", "tiny"]
GROUPS = (120, 40, 4)  # of each class


def dataset(stream: np.random.Generator, recalls: np.ndarray, alike: float = 0.0) -> dict[str, Scored]:
    """Scores of strategies whose true recalls are given, shape (m, 3); the first is the baseline.

    `alike` is the share of what is a strategy's own in a group that all but the baseline have in common, in [0, 1].
    """
    sizes = [stream.integers(1, MOST + 1, number) for number in GROUPS]
    labels = np.repeat([0, 1, 2], [of_class.sum() for of_class in sizes])
    groups = np.repeat(np.arange(sum(GROUPS)), np.concatenate(sizes))
    shared, common = stream.normal(size=(2, sum(GROUPS)))
    found = {}
    for number, of_one in enumerate(recalls):
        own = stream.normal(size=sum(GROUPS))
        own = own if number == 0 else own * (1 - alike) ** 0.5 + common * alike**0.5
        fits = stream.normal(size=(FITS, len(labels))) * (1 - SHARED - OWN) ** 0.5
        right = (shared * SHARED**0.5 + own * OWN**0.5)[groups] + fits < ndtri(of_one)[labels]
        decided = np.where(right, labels, (labels + 1) % 3)
        ids = np.arange(len(labels))
        found["plain" if number == 0 else f"s{number:02d}"] = Scored(CLASSES, ids, labels, groups, np.eye(3)[decided])
    return found


def judged(scored: dict[str, Scored], draws: int, seed: int) -> Comparison:
    """What `compare` says."""
    settings = Evaluate.model_validate({"draws": draws, "seed": seed})
    bootstrap = scored["plain"].bootstrap(draws, seed)
    estimates = estimate([decision_metrics(one) for one in scored.values()], bootstrap)
    metrics = {
        name: metric_intervals(found, one, settings.confidence)
        for (name, one), found in zip(scored.items(), estimates, strict=True)
    }
    return compare(scored, metrics, Compare.model_validate({"guard": {"may_fall": 1.0}}), settings, sorted(scored))


def share(hits: int, trials: int) -> str:
    """A share with Wilson's interval."""
    if not trials:
        return "none"
    low, high = wilson(np.array(hits / trials), np.array(float(trials)), 0.95)
    return f"{hits / trials:6.1%}  [{float(low):.1%}, {float(high):.1%}] of {trials:,}"


def nothing_to_find(datasets: int, draws: int) -> None:
    """Strategies with the same true recalls: how often is one said to help or to hurt?"""
    false = wrong_class = 0
    for number in range(datasets):
        stream = np.random.default_rng([1, number])
        found = judged(dataset(stream, np.tile([0.8, 0.5, 0.3], (8, 1))), draws, number)
        false += bool({"helps", "hurts"} & {*found.verdicts.values()})
        changes = [change for of_one in found.recall_changes.values() for change in of_one.values()]
        wrong_class += any(change.is_proved(found.confidence) for change in changes)
    print("Seven strategies as good as the baseline: datasets in which anything is proved (aim: 5 % at most)")
    print(f"  helps or hurts                      {share(false, datasets)}")
    print(f"  a recall is said to rise or fall    {share(wrong_class, datasets)}")


def planted(datasets: int, draws: int) -> None:
    """Differences of known size: how often are they proved, stepwise and by intervals alone, and are they covered?

    Beside it stands the power that `split` goes by before anything is trained, for the share of images that are
    answered differently, and for so many strategies.
    """
    gains = np.array([0.0, 0.0, 0.1, 0.15, 0.2, 0.25, 0.3])
    stepwise, single = np.zeros(len(gains), int), np.zeros(len(gains), int)
    inside: dict[str, list[bool]] = {}
    discordant = np.zeros((len(gains), 2))
    groups = list(GROUPS[:2])
    for number in range(datasets):
        stream = np.random.default_rng([2, number])
        recalls = np.array([[0.8, 0.5, 0.3], *([0.8, 0.5 + gain, 0.3] for gain in gains)])
        scored, others = dataset(stream, recalls), dataset(stream, recalls)
        found = judged(scored, draws, number)
        names = [f"s{at + 1:02d}" for at in range(len(gains))]
        changes = [found.differences[name] for name in names]
        stepwise += [change.is_proved(found.confidence) and change.value > 0 for change in changes]
        single += [change.low > 0 for change in changes]
        discordant += [answered_differently(scored["plain"], scored[name]) / datasets for name in names]
        inside.setdefault("differences, all of a dataset", []).append(
            all(holds(change, gain / 2) for change, gain in zip(changes, gains, strict=True))
        )
        inside.setdefault("differences, one by one", []).extend(
            holds(change, gain / 2) for change, gain in zip(changes, gains, strict=True)
        )
        of_class = [
            holds(found.recall_changes[name][label], true)
            for name, gain in zip(names, gains, strict=True)
            for label, true in (("common", 0.0), ("rare", gain))
        ]
        inside.setdefault("changes of recalls, all of a dataset", []).append(all(of_class))
        inside.setdefault("changes of recalls, one by one", []).extend(of_class)
        for name, of_one in found.metrics.items():
            for key, value in true_metrics(recalls[0 if name == "plain" else int(name[1:])]).items():
                inside.setdefault(key, []).append(holds(of_one[key], value))
        if found.recommended != "plain":
            looked_at = {name: others[name] for name in ("plain", found.recommended)}
            settings = Evaluate.model_validate({"draws": draws, "seed": number})
            change = confirm(looked_at, found, settings).difference
            true = gains[int(found.recommended[1:]) - 1] / 2
            inside.setdefault("held-out difference", []).append(change is not None and holds(change, true))
    print(
        "\nPlanted gains in the recall of the rare class (half of it in the judged metric): how often they are proved,"
    )
    print("beside the power that is printed before training")
    print("  gain  printed   stepwise                                  by its interval of all strategies")
    for at, gain in enumerate(gains):
        power = power_of_mean_difference(gain / 2, groups, list(discordant[at]), len(gains))
        print(
            f"  {gain:.2f}  {power:6.1%}    {share(int(stepwise[at]), datasets)}   {share(int(single[at]), datasets)}"
        )
    print("Intervals that hold what is true (aim: 95 %)")
    for what, hits in inside.items():
        print(f"  {what:<38}  {share(sum(hits), len(hits))}")


def answered_differently(one: Scored, other: Scored) -> np.ndarray:
    """Of the common and of the rare class, the share of images of which exactly one of two strategies is right."""
    differ = ((one.decisions == one.labels) != (other.decisions == other.labels)).mean(axis=0)
    return np.array([differ[one.labels == code].mean() for code in (0, 1)])


def true_metrics(recall: np.ndarray) -> dict[str, float]:
    """What the report shows of a strategy, in truth: for classes as large as they are on average."""
    right = recall * GROUPS
    chosen = right + np.roll(GROUPS - right, 1)  # what is wrong is taken for the next class
    f1 = 2 * right / (np.array(GROUPS) + chosen)
    found = {"judged_balanced_accuracy": recall[:2].mean(), "judged_macro_f1": f1[:2].mean()}
    found |= {f"recall.{label}": recall[code] for code, label in enumerate(CLASSES)}
    found |= {f"precision.{label}": right[code] / chosen[code] for code, label in enumerate(CLASSES)}
    return {name: float(value) for name, value in (found | {"accuracy": right.sum() / sum(GROUPS)}).items()}


def bets(datasets: int, draws: int) -> None:
    """What is promised of the best bet, and what it is, over worlds in which strategies differ little or much."""
    print("\nThe best bet among ten strategies, its gain as promised, in truth, and measured; 0 if the baseline stays")
    every_chance, every_right = list[float](), list[bool]()
    worlds: dict[str, tuple[float, Callable[[np.random.Generator], np.ndarray]]] = {  # how much alike errors are; gains
        "no differences": (0.0, lambda stream: np.zeros(10)),
        "none, and errors alike": (0.9, lambda stream: np.zeros(10)),
        "small ones": (0.0, lambda stream: stream.normal(0, 0.02, 10)),
        "as large as their errors": (0.0, lambda stream: stream.normal(0, 0.06, 10)),
        "large ones": (0.0, lambda stream: stream.normal(0, 0.15, 10)),
        "one that helps, nine that don't": (0.0, lambda stream: np.array([0.15] + [0.0] * 9)),
        "half of them hurt": (0.0, lambda stream: np.array([0.0] * 5 + [-0.32] * 5)),
        "half of them help": (0.5, lambda stream: np.array([0.15] * 5 + [0.0] * 5)),
        "all help": (0.0, lambda stream: stream.uniform(0.1, 0.2, 10)),
        "all help, and errors alike": (0.9, lambda stream: stream.uniform(0.1, 0.2, 10)),
        "all shift, and errors alike": (0.9, lambda stream: stream.normal(0, 0.06) + stream.normal(0, 0.02, 10)),
    }
    for name, (alike, world) in worlds.items():
        rows = []
        for number in range(datasets):
            stream = np.random.default_rng([3, number])
            shifts = world(stream)
            moved = ndtr(ndtri([0.8, 0.5, 0.3]) + 2.5 * np.outer([0.0, *shifts], [0.2, 1.0, 1.0]))
            found = judged(dataset(stream, moved, alike), draws, number)
            best = found.choice.best if found.choice else "plain"
            if best == "plain":
                rows.append((0.0, 0.0, 0.0))
                continue
            true = (moved[int(best[1:])] - moved[0])[:2].mean()
            bet = found.bets[best]
            rows.append((bet.gain, true, found.differences[best].value))
            if not np.allclose(moved, moved[0]):  # where nobody is better no bet is right
                every_chance.append(bet.chance)
                every_right.append(bool(true > 0))
        promised, true, measured = map(np.array, zip(*rows, strict=True))
        error = (promised - true).std() / len(rows) ** 0.5
        print(
            f"  {name:<32} promised {promised.mean():+.4f}  true {true.mean():+.4f}  measured {measured.mean():+.4f}  "
            f"promise less truth {(promised - true).mean():+.4f} +- {error:.4f}, a bet's own error "
            f"{(promised - true).std():.4f}"
        )
    sure, right = np.array(every_chance), np.array(every_right)
    for low, high in ((0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.001)):
        inside = (sure >= low) & (sure < high)
        if inside.any():
            print(
                f"  bets at {low:.0%} to {min(high, 1):.0%}, on average {sure[inside].mean():.1%}: right in "
                f"{share(int(right[inside].sum()), int(inside.sum()))}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=200)
    parser.add_argument("--draws", type=int, default=400)
    parts = {"nothing": nothing_to_find, "planted": planted, "bets": bets}
    parts |= {"shown": shown, "held-out": held_out, "audit": audit}
    parser.add_argument("--part", choices=list(parts), action="append", help="Only this; by default all.")
    asked = parser.parse_args()
    for part in asked.part or parts:
        parts[part](asked.datasets, asked.draws)
