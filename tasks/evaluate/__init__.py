"""Metrics with intervals for every strategy, from out-of-fold predictions only.

Overall and a class at a time, with calibration, confusion matrices and curves. The held-out test part is not looked at
here: the stage `compare` scores it, for the baseline and the recommended strategy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Evaluate the strategies that `params.yaml` names; other folders below `predictions/` are not looked at."""
    from tasks.evaluate.evaluation import evaluate
    from tasks.evaluate.resampling import Resamples
    from tasks.evaluate.scored import read_scored
    from tasks.evaluate.writing import write_evaluations
    from tasks.tables import SPLITS

    params = workspace.params
    splits = SPLITS.read(workspace.path("data", "splits", "splits.parquet"))
    evaluations = {}
    for strategy in workspace.progress(sorted(params.strategies), "strategies"):
        scored = read_scored(workspace.path("predictions", strategy, "predictions.parquet"), splits, "train")
        resamples = Resamples.of(scored, params.evaluate.resamples, params.evaluate.seed)
        evaluations[strategy] = evaluate(scored, resamples, params.evaluate.confidence)
    with workspace.output("reports", "evaluate") as folder:
        write_evaluations(evaluations, folder)
