"""Metrics with intervals for every strategy, from out-of-fold predictions only.

Overall and a class at a time, with calibration, confusion matrices and curves. The held-out test part is not looked at
here: the stage `compare` scores it, for the baseline and the recommended strategy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

    from tasks.evaluate.evaluation import Evaluation
    from tasks.params.models import Evaluate
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Evaluate the strategies that `params.yaml` names; other folders below `predictions/` are deleted."""
    from functools import partial

    from tasks.evaluate.writing import write_evaluations
    from tasks.parallel import each
    from tasks.progress import Progress
    from tasks.tables import SPLITS

    splits = SPLITS.read(workspace.path("data", "splits", "splits.parquet"))
    strategies = sorted(workspace.params.strategies)
    workspace.sweep("predictions", keep=strategies)
    predictions = workspace.path("predictions")
    with workspace.output("reports", "evaluate") as folder:
        one = partial(
            _evaluate, predictions=predictions, splits=splits, settings=workspace.params.evaluate, folder=folder
        )
        done = each(one, strategies, workspace.workers, chunk=1)
        found = list(Progress(done, "strategies", total=len(strategies)))
        write_evaluations(dict(zip(strategies, found, strict=True)), folder)


def _evaluate(strategy: str, predictions: Path, splits: DataFrame, settings: Evaluate, folder: Path) -> Evaluation:
    """Evaluate one strategy and draw its plots below `folder`; runs in a process of its own."""
    from tasks.evaluate.evaluation import evaluate
    from tasks.evaluate.scored import read_scored
    from tasks.evaluate.writing import write_plots

    scored = read_scored(predictions / strategy / "predictions.parquet", splits, "train")
    found = evaluate(scored, scored.resamples(settings.resamples, settings.seed), settings.confidence)
    write_plots(found, strategy, folder / "plots" / strategy)
    return found
