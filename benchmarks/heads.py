"""What fitting heads costs, beside embedding the images once: ``python benchmarks/heads.py`` in a finished workspace.

    python benchmarks/heads.py --folds 5 --seeds 3 --jobs 2

Twenty-four strategies of the family `head` (all losses that its outputs allow, samplers, mixings and schedules) are
fitted on every fold and on all training rows, with several seeds, by as many one-thread processes as embed the images;
told are both times, their ratio (aim: 2) and what starting the processes costs, which is part of neither. Nothing in
the workspace is changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flows.environment import settle_environment
from tasks.depth import depth_of
from tasks.features.embedding import embed
from tasks.parallel import each
from tasks.params.models import Strategy
from tasks.tables import BALANCED, CATALOG, SPLITS
from tasks.train.fitting import fit_strategy
from tasks.train.stored_inputs import inputs_of
from tasks.workspace import Workspace

PLAIN: dict[str, Any] = {
    "recipe": "natural",
    "loss": {"name": "cross_entropy"},
    "sampler": {"name": "natural"},
    "mixing": {"name": "none"},
    "schedule": {"name": "constant"},
    "posthoc": {"name": "none"},
}
LOSSES: list[dict[str, Any]] = [
    {"name": "cross_entropy"},
    {"name": "weighted_cross_entropy", "weights": "balanced"},
    {"name": "weighted_cross_entropy", "weights": "inverse_sqrt"},
    {"name": "weighted_cross_entropy", "weights": "effective_number", "beta": 0.999},
    {"name": "focal", "gamma": 2.0, "alpha": "none"},
    {"name": "focal", "gamma": 2.0, "alpha": "balanced"},
    {"name": "class_balanced", "base": "softmax"},
    {"name": "class_balanced", "base": "sigmoid"},
    {"name": "class_balanced", "base": "focal"},
    {"name": "balanced_softmax"},
    {"name": "logit_adjusted", "tau": 0.5},
    {"name": "vs"},
    {"name": "asymmetric"},
    {"name": "label_aware_smoothing"},
]
OTHERS: list[dict[str, Any]] = [
    {"sampler": {"name": "class_balanced"}},
    {"sampler": {"name": "square_root"}},
    {"sampler": {"name": "class_balanced"}, "schedule": {"name": "deferred", "start": 0.8}},
    {"sampler": {"name": "class_balanced"}, "schedule": {"name": "progressive"}},
    {"loss": LOSSES[1], "schedule": {"name": "deferred", "start": 0.8}},
    {"mixing": {"name": "mixup", "alpha": 0.2}},
    {"mixing": {"name": "remix", "alpha": 1.0}},
    {"posthoc": {"name": "logit_adjustment", "tau": 1.0}},
    {"mixing": {"name": "mixup", "alpha": 0.2}, "posthoc": {"name": "logit_adjustment", "tau": 1.0}},
    {"sampler": {"name": "square_root"}, "posthoc": {"name": "logit_adjustment", "tau": 1.0}},
]


def strategies(backbone: str) -> list[Strategy]:
    """The twenty-four."""
    head = {"family": {"name": "head", "backbone": backbone}}
    written = [PLAIN | head | {"loss": loss} for loss in LOSSES] + [PLAIN | head | other for other in OTHERS]
    return [Strategy.model_validate(one) for one in written]


def fit(root: Path, seeds: int, strategy: Strategy) -> float:
    """Seconds of one strategy, reading the tables apart."""
    import torch

    torch.set_num_threads(1)
    workspace = Workspace(root)
    params = workspace.params
    balanced = workspace.read(BALANCED, strategy.recipe)
    splits, depth = workspace.read(SPLITS), depth_of(workspace.read(CATALOG))
    started = time.perf_counter()
    fit_strategy(
        strategy,
        seeds,
        splits=splits,
        balanced=balanced,
        inputs=inputs_of(workspace, strategy, balanced),
        backbone=params.backbones[strategy.family.backbone],
        depth=depth,
        tell=lambda line: None,
    )
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    root = Path.cwd()
    settle_environment(root)
    workspace = Workspace(root)
    catalog = workspace.read(CATALOG)
    files = [workspace.path("data", "raw") / path for path in catalog["path"]]
    backbone = workspace.params.backbones[asked.backbone]
    wanted = strategies(asked.backbone)
    for number in range(asked.repeats):
        started = time.perf_counter()
        embed(files[: 2 * backbone.batch_size], backbone, depth_of(catalog), asked.jobs)
        starting = time.perf_counter() - started
        embed(files, backbone, depth_of(catalog), asked.jobs)
        embedding = time.perf_counter() - started - starting
        list(each(partial(fit, root, 1), wanted[: asked.jobs], asked.jobs, chunk=1))  # starts the processes
        begun = time.perf_counter()
        seconds = list(each(partial(fit, root, asked.seeds), wanted, asked.jobs, chunk=1))
        fitting = time.perf_counter() - begun
        print(
            f"{number + 1}: {len(files):,} images embedded in {embedding:.1f} s; {len(wanted)} strategies fitted in "
            f"{fitting:.1f} s ({sum(seconds):.1f} s of processes): {fitting / embedding:.2f} times as long (aim: 2)"
        )


if __name__ == "__main__":
    main()
