"""Stage `evaluate`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from pandas import DataFrame

from tasks.evaluate.bounding import write_ceilings
from tasks.evaluate.evaluation import Evaluation
from tasks.evaluate.out_of_fold import out_of_fold
from tasks.evaluate.scored import read_scored
from tasks.evaluate.writing import write_evaluations, write_plots
from tasks.fingerprints import file_hash
from tasks.goals import Goal
from tasks.parallel import each
from tasks.params.models import NONE, Evaluate
from tasks.progress import Progress
from tasks.tables import ENSEMBLES, SPLITS, predictions_file
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Evaluate the strategies and ensembles that `params.yaml` names; other folders of such are deleted."""
    splits = workspace.read(SPLITS)
    strategies = sorted(workspace.params.judged)
    workspace.sweep("predictions", keep=workspace.params.strategies)
    workspace.sweep(ENSEMBLES, keep=workspace.params.ensembles)
    with workspace.output("reports", "evaluate") as folder:
        settings, goal = workspace.params.evaluate, workspace.params.compare.goal
        one = partial(_evaluate, root=workspace.root, splits=splits, settings=settings, goal=goal, folder=folder)
        done = each(one, strategies, workspace.workers, chunk=1)
        found = list(Progress(done, "strategies", total=len(strategies)))
        write_evaluations(dict(zip(strategies, found, strict=True)), folder)
        backbones = {strategy.family.backbone for strategy in workspace.params.strategies.values()} - {NONE}
        features, settings = workspace.path("data", "features"), workspace.params.evaluate
        write_ceilings(splits, backbones, features, settings.confidence, settings.seed, folder)


def _evaluate(strategy: str, root: Path, splits: DataFrame, settings: Evaluate, goal: Goal, folder: Path) -> Evaluation:
    """Evaluate one strategy and draw its plots below `folder`; runs in a process of its own."""
    file = predictions_file(root, strategy)
    scored = read_scored(file, splits, "train")
    found = out_of_fold(scored, goal, settings)[1]
    write_plots(found, strategy, folder / "plots" / strategy)
    return replace(found, rule=found.rule and replace(found.rule, predictions=file_hash(file)))
