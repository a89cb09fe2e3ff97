"""How often the audit finds a planted shortcut, and how often it claims one that isn't there.

    python benchmarks/shortcuts.py [--trials 100] [--images 100] [--copies 2]

Each trial draws a set of its own: a common class and a rare one whose features overlap, and a recipe that makes new
images of the rare class until it is as large. A planted trace moves one feature of every new image by some standard
deviations of it, the same that the audit's changed versions get; a clean recipe changes features a little, without a
direction. Strategies are fitted out of fold and audited by the project's own code; what stands here is the data alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.audit.effect import effect, minorities
from tasks.audit.strategy import taken_for
from tasks.depth import FULL
from tasks.inputs import Inputs
from tasks.params.models import Audit, Strategy
from tasks.shortcuts import SHORTCUT, judge
from tasks.statistics.shares import wilson
from tasks.train.fitting import fit_strategy

COMMON, RARE, TEST = 130, 36, 10
FEATURES = 12
FOLDS, SEEDS = 3, 2
APART = 1.5  # standard deviations between the classes, in the first feature
JITTER = 0.2  # what every change does to every feature
STRENGTHS = (1.5, 4.0)  # of planted traces, in standard deviations of the last feature
DEFAULTS = Audit.model_validate({})
STRATEGY = {
    "recipe": "augmented",
    "family": {"name": "head", "backbone": "drawn", "steps": 100, "batch_size": 64, "learning_rate": 0.01, "tune": {}},
    "loss": {"name": "cross_entropy"},
    "sampler": {"name": "natural"},
    "mixing": {"name": "none"},
    "schedule": {"name": "constant"},
    "posthoc": {"name": "none"},
}


@dataclass(frozen=True)
class Drawn:
    """Feature vectors by id."""

    vectors: dict[str, NDArray[np.float32]]

    def features(self, ids: Sequence[str], backbone: str, fold: int | None) -> NDArray[np.float32]:
        """See `tasks.inputs.Source`."""
        return np.stack([self.vectors[name] for name in ids])

    def images(self, ids: Sequence[str], size: int, resize: str) -> NDArray[np.uint8]:
        """There are none."""
        raise NotImplementedError


def changed(vector: NDArray[np.float32], trace: float, stream: np.random.Generator) -> NDArray[np.float32]:
    """A new version of an image: a little of everything, and the trace."""
    new = vector + JITTER * stream.normal(size=FEATURES).astype(np.float32)
    new[-1] += trace
    return new


def trial(seed: int, planted: bool, settings: Audit) -> bool:
    """Whether the audit of one set claims a shortcut."""
    stream = np.random.default_rng((seed, int(planted)))
    trace = float(stream.uniform(*STRENGTHS)) if planted else 0.0
    vectors: dict[str, NDArray[np.float32]] = {}
    rows = []
    for label, count in (("common", COMMON), ("rare", RARE)):
        for number in range(count + TEST):
            name = f"{label}{number:03}"
            vectors[name] = stream.normal(size=FEATURES).astype(np.float32)
            vectors[name][0] += APART * (label == "rare")
            part, fold = ("test", None) if number >= count else ("train", number % FOLDS)
            rows.append((name, name, label, part, 0, fold))
    splits = pd.DataFrame(rows, columns=["image_id", "group", "label", "part", "repeat", "fold"])
    splits = splits.astype({"fold": "Int16"})
    training = splits[splits["part"] == "train"]
    table: list[tuple[object, ...]] = [
        (row.image_id, row.label, "original", [row.image_id], None, row.fold) for row in training.itertuples()
    ]
    rare = training[training["label"] == "rare"]
    for number in range(COMMON - RARE):
        parent = rare.iloc[number % RARE]
        name = f"new{number:03}"
        vectors[name] = changed(vectors[parent["image_id"]], trace, stream)
        table.append((name, "rare", "augmented", [parent["image_id"]], f"{name}.png", parent["fold"]))
    balanced = pd.DataFrame(table, columns=["row_id", "label", "origin", "parents", "file", "fold"])
    balanced = balanced.assign(fitted_on=None, second_label=None, second_share=np.nan)

    inputs = Inputs([], Drawn(vectors))
    strategy = Strategy.model_validate(STRATEGY)
    outcome = fit_strategy(
        strategy,
        SEEDS,
        splits=splits,
        balanced=balanced,
        inputs=inputs,
        backbone=None,
        depth=FULL,
        tell=lambda line: None,
    )
    audited = training[training["label"] == "common"].head(settings.images)
    before, after = np.empty(len(audited)), np.empty((len(audited), settings.copies))
    for fold, model in outcome.fold_models.items():
        at = np.flatnonzero(audited["fold"] == fold)
        names = audited["image_id"].iloc[at].tolist()
        minority = minorities(balanced, model.classes, "common")
        before[at] = taken_for(model, inputs.take(names), minority).mean(axis=0)
        for copy in range(settings.copies):
            versions = {name: changed(vectors[name], trace, stream) for name in names}
            after[at, copy] = taken_for(model, Inputs(names, Drawn(versions)), minority).mean(axis=0)
    found = effect(before, after.mean(axis=1), np.arange(len(audited)))
    return judge(found.difference, settings.limit) == SHORTCUT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--images", type=int, default=DEFAULTS.images)
    parser.add_argument("--copies", type=int, default=DEFAULTS.copies)
    arguments = parser.parse_args()
    settings = DEFAULTS.model_copy(update={"images": arguments.images, "copies": arguments.copies})
    for what, planted in (("planted shortcuts found", True), ("clean recipes flagged", False)):
        number = sum(trial(seed, planted, settings) for seed in range(arguments.trials))
        low, high = wilson(np.array(number / arguments.trials), np.array(float(arguments.trials)), 0.95)
        print(f"{what}: {number} of {arguments.trials} (95 % interval {float(low):.3f} to {float(high):.3f})")


if __name__ == "__main__":
    main()
