"""Whether the intervals of images hold that stand apart, held-out and audited ones: parts of `judge.py`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import ndtri
from shown import Held, covered, held_metrics, holds, large, truth_of
from worlds import FITS, OWN, SHARED, World

from tasks.audit.effect import effect
from tasks.audit.probe import probe_class
from tasks.audit.traces import COLUMNS
from tasks.compare.comparison import compare
from tasks.compare.heldout import confirm
from tasks.evaluate.deciding import decided_by
from tasks.evaluate.out_of_fold import out_of_fold
from tasks.evaluate.scored import Scored
from tasks.goals.balanced_accuracy import BalancedAccuracy
from tasks.params.models import Compare, Evaluate
from tasks.statistics.groups import FEWEST_GROUPS

TEST_SHARE = 4  # one group of so many is held out
LARGE, LARGE_FITS = 600_000, 8


def held_out(datasets: int, draws: int) -> None:
    """What the test part says of plain scores, and of better ones that err on the same images."""
    print("\nIntervals of held-out images, a quarter of a dataset, that hold what is true (aim: 95 %)")
    world = World()
    test = replace(world, groups=tuple(number // TEST_SHARE for number in world.groups))
    judged = np.array(test.groups) >= FEWEST_GROUPS
    drawn = [large(world, np.random.default_rng([7, number]), LARGE, 1) for number in range(LARGE_FITS)]
    true = {}
    for name in ("plain", "better"):
        of_fits = [truth_of(_strategies(world, one)[name], weights, judged, ruled=False) for one, weights in drawn]
        true[name] = {key: float(np.mean([fit[key] for fit in of_fits])) for key in of_fits[0]}
    held = Held(list)
    for number in range(datasets):
        stream = np.random.default_rng([8, number])
        settings = Evaluate.model_validate({"draws": draws, "seed": number})
        training, tested = (_strategies(world, one.dataset(stream)) for one in (world, test))
        found = {name: out_of_fold(one, BalancedAccuracy(), settings) for name, one in training.items()}
        compared = compare(
            {name: one for name, (one, _) in found.items()},
            {name: one.metrics for name, (_, one) in found.items()},
            Compare.model_validate({"guard": {"may_fall": 1.0}}),
            settings,
            ["plain", "better"],
        )
        decided = {name: decided_by(one, rule) for name, one in tested.items() if (rule := found[name][1].rule)}
        said = confirm({name: decided[name] for name in {"plain", compared.recommended}}, compared, settings)
        if said.difference:
            metric = compared.goal.metric
            wanted = true["better"][metric] - true["plain"][metric]
            held["the difference"].append([holds(said.difference, wanted)])
        few = {label for label, enough in zip(world.classes, judged, strict=True) if not enough}
        for name, evaluation in said.evaluations.items():
            known = {key: one for key, one in evaluation.metrics.items() if not key.startswith("corrected")}
            held_metrics(held, known, true[name], {decided[name].classes[world.classes.index(one)] for one in few})
    for kind, of_datasets in held.items():
        print(f"  {kind:<46}  {covered(of_datasets)}", flush=True)


def _strategies(world: World, scored: Scored) -> dict[str, Scored]:
    named = replace(scored, classes=world.classes)
    return {"plain": named, "better": replace(named, scores=named.scores + np.eye(len(world.groups))[named.labels])}


def audit(datasets: int, draws: int) -> None:
    """What an audit says of images before and after, and of how well new images can be told from originals."""
    print("\nIntervals of audits that hold what is true (aim: 95 %)")
    for number, most in ((27, 7), (100, 1)):
        for before, after in ((0.1, 0.1), (0.02, 0.02), (0.1, 0.15), (0.1, 0.5), (0.4, 0.6)):
            held = Held(list)
            for at in range(datasets):
                said = effect(*_audited(np.random.default_rng([9, at]), number, most, before, after))
                held["untouched and changed"].append([holds(said.untouched, before), holds(said.changed, after)])
                held["the difference"].append([holds(said.difference, after - before)])
            told = ", ".join(f"{kind} {covered(of_datasets)}" for kind, of_datasets in held.items())
            print(f"  {number:3} groups of 1 to {most}, {before:.0%} become {after:.0%}: {told}", flush=True)
    for shift in (0.0, 0.3, 1.0):
        areas = [_probed(np.random.default_rng([10, at]), shift) for at in range(datasets)]
        true = 0.5 if shift == 0 else float(np.mean([one["features"]["value"] for one in areas]))
        hits = [[one["features"]["low"] <= true <= one["features"]["high"]] for one in areas]
        print(f"  area of the probe, {true:.3f} on average: {covered(hits)}", flush=True)


def _audited(
    stream: np.random.Generator, number: int, most: int, before: float, after: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of fits (and of two copies) that take each image for a minority, untouched and changed; and the groups."""
    groups = np.repeat(np.arange(number), stream.integers(1, most + 1, number))
    seen = stream.normal(0, SHARED**0.5, number)[groups] + stream.normal(0, OWN**0.5, len(groups))
    of_fits = stream.normal(0, (1 - SHARED - OWN) ** 0.5, (2, FITS, 2, len(groups)))
    untouched = seen + of_fits[0, :, 0] < ndtri(before)
    changed = seen + of_fits[1] < ndtri(after)
    return untouched.mean(axis=0), changed.mean(axis=(0, 1)), groups


def _probed(stream: np.random.Generator, shift: float) -> dict[str, dict[str, float]]:
    """A class of forty groups of originals, each image with two descendants that lie elsewhere by `shift`."""
    groups = np.repeat(np.arange(40), stream.integers(1, 4, 40))
    parents = stream.normal(size=(40, 64))[groups] * SHARED**0.5 + stream.normal(size=(len(groups), 64)) * OWN**0.5
    features = np.vstack([parents, *(parents + stream.normal(size=parents.shape) * 0.4 for _ in range(2))])
    is_new = np.repeat([False, True, True], len(groups))
    features[is_new, 0] += shift
    rows = pd.DataFrame({"is_new": is_new, "group": np.tile(groups, 3)})
    found: dict[str, dict[str, float]] = probe_class(rows, features, np.zeros((len(rows), len(COLUMNS))))
    return found
