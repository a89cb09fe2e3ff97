"""What fitting heads costs, beside embedding the images once: ``python benchmarks/heads.py`` in a finished workspace.

    python benchmarks/heads.py --seeds 3 --tune

Twenty-four strategies of the family `head` (all losses that its outputs allow, samplers, mixings and schedules) are
fitted on every fold and on all training rows, with several seeds; told are the CPU seconds of that and of embedding the
images, both on one thread as stages do it, and their ratio (aim: 2). Starting a process is part of neither. `--tune`
lets every strategy choose its rate and decay inside the folds, as those of `params.yaml` do. Nothing in the workspace
is changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flows.environment import settle_environment
from tasks.depth import depth_of
from tasks.features.embedding import embed
from tasks.params.models import Strategy
from tasks.tables import BALANCED, CATALOG, SPLITS
from tasks.train.families.head import TUNED
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


def strategies(backbone: str, *, tune: bool) -> list[Strategy]:
    """The twenty-four."""
    head = {"family": {"name": "head", "backbone": backbone, "tune": TUNED if tune else {}}}
    written = [PLAIN | head | {"loss": loss} for loss in LOSSES] + [PLAIN | head | other for other in OTHERS]
    return [Strategy.model_validate(one) for one in written]


def cpu_seconds(work: Callable[[], object]) -> float:
    """What a piece of work takes of a processor: another load on the machine hardly changes it."""
    started = time.process_time()
    work()
    return time.process_time() - started


def fit(root: Path, seeds: int, strategy: Strategy) -> None:
    """Fit one strategy on every fold and on all training rows, in this process."""
    workspace = Workspace(root)
    params = workspace.params
    balanced = workspace.read(BALANCED, strategy.recipe)
    splits, depth = workspace.read(SPLITS), depth_of(workspace.read(CATALOG))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    root = Path.cwd()
    settle_environment(root)
    workspace = Workspace(root)
    catalog = workspace.read(CATALOG)
    files = [workspace.path("data", "raw") / path for path in catalog["path"]]
    backbone = workspace.params.backbones[asked.backbone]
    wanted = strategies(asked.backbone, tune=asked.tune)
    fit(root, 1, wanted[0])  # imports are paid for
    for number in range(asked.repeats):
        embedding = cpu_seconds(lambda: embed(files, backbone, depth_of(catalog), 1))
        seconds = [cpu_seconds(partial(fit, root, asked.seeds, strategy)) for strategy in wanted]
        ratio, ends = sum(seconds) / embedding, f"{min(seconds):.1f} to {max(seconds):.1f}"
        print(f"{number + 1}: {len(files):,} images embedded in {embedding:.1f} CPU seconds; {len(wanted)} strategies")
        print(f"   fitted in {sum(seconds):.1f}, {ends} each: {ratio:.2f} times as long (aim: 2)")


if __name__ == "__main__":
    main()
