"""A first answer in a minute, as `equipoise run --quick` gives it.

The same stages run in one process, with up to three strategies of the baseline's recipe, fitted once. What they make
stands in the workspace's own state and is no version of anything; what was read of single images is kept, so that the
whole run that follows does not read it again. The test part is not looked at.
"""

from __future__ import annotations

import importlib
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from tasks.errors import InputError
from tasks.params import Params
from tasks.params.models import Strategy
from tasks.progress import say
from tasks.split import FROZEN
from tasks.workspace import STATE, Workspace

FOLDER = (STATE, "quick")
RESULT = Path(*FOLDER, "leaderboard.json")
STRATEGIES = 3
SHARED = (("data", "raw"), (STATE,), FROZEN.parts)  # what a quick run takes from the workspace itself
RUN = ("ingest", "embed", "group", "split", "pretrain", "balance", "embed_new", "train")  # stages, in this order


class QuickWorkspace(Workspace):
    """A workspace whose results stand apart, and whose parameters ask for little."""

    def path(self, *parts: str) -> Path:
        """See `Workspace`."""
        shared = any(parts[: len(one)] == one for one in SHARED)
        return self.root.joinpath(*(parts if shared else (*FOLDER, *parts)))

    @cached_property
    def params(self) -> Params:
        """The baseline and the first strategies on its recipe and backbone, with one fit each."""
        whole = Workspace(self.root).params
        base = whole.strategies[whole.compare.baseline]
        alike = [
            name
            for name, one in whole.strategies.items()
            if one.recipe == base.recipe and one.family == base.family and name != whole.compare.baseline
        ]
        names = [whole.compare.baseline, *alike[: STRATEGIES - 1]]
        used = {base.family.backbone, whole.group.backbone, whole.balance.backbone} & {*whole.backbones}
        return whole.model_copy(
            update={
                "strategies": {name: _simplified(whole.strategies[name]) for name in names},
                "ensembles": {},
                "recipes": {base.recipe: whole.recipes[base.recipe]},
                "backbones": {key: one for key, one in whole.backbones.items() if key in used},
                "pretrain": {key: one for key, one in whole.pretrain.items() if key == base.family.backbone},
                "train": whole.train.model_copy(update={"seeds": 1}),
            }
        )


def _simplified(strategy: Strategy) -> Strategy:
    """The same with settings as they stand: choosing some takes longer than one fit."""
    return strategy.model_copy(update={"family": strategy.family.untuned})


def quick(root: Path) -> dict[str, Any]:
    """Run the stages of a first answer for the workspace at `root`; returns the leaderboard, which is also written.

    Returns
    -------
    dict
        As `tasks.compare.leaderboard.leaderboard`, without the test part, audits and components.
    """
    from tasks.compare.comparison import compare
    from tasks.compare.leaderboard import concluded, judged
    from tasks.compare.simplicity import simplest_first
    from tasks.evaluate.out_of_fold import out_of_fold
    from tasks.evaluate.scored import read_scored
    from tasks.files import read_json, write_json
    from tasks.tables import PREDICTIONS, SPLITS

    workspace = QuickWorkspace(root, "quick")
    params = workspace.params
    items: dict[str, list[str]] = {
        "embed": [*params.backbones],
        "pretrain": [*params.pretrain],
        "balance": [*params.recipes],
        "embed_new": [*params.recipes],
        "train": [*params.strategies],
    }
    for stage in RUN:
        for item in items.get(stage, [""]):
            say(f"{stage}@{item}" if item else stage)
            importlib.import_module(f"tasks.{stage}.stage").run(workspace, item)
    splits = workspace.read(SPLITS)
    scored = {name: read_scored(workspace.place(PREDICTIONS, name), splits, "train") for name in params.strategies}
    settings = params.evaluate
    evaluated = {name: out_of_fold(one, params.compare.goal, settings) for name, one in scored.items()}
    decided = {name: one for name, (one, _) in evaluated.items()}
    metrics = {name: found.metrics for name, (_, found) in evaluated.items()}
    counts = {
        recipe: read_json(workspace.path("data", "balanced", recipe, "summary.json")) for recipe in params.recipes
    }
    found = compare(decided, metrics, params.compare, settings, simplest_first(params.strategies, counts))
    board = {**concluded(found), "rows": [judged(found, name) for name in found.ranked]}
    write_json(root / RESULT, board)
    return board


def main() -> int:
    """Run in the current folder; returns the exit code."""
    try:
        quick(Path.cwd())
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0
