"""One generator of a pipeline run as a child run: parameters, losses, what became of its images, and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from flows.costs import Cost
from flows.tracking.findings import Findings
from flows.tracking.runs import Points, flat, log, log_files, open_run
from tasks.files import read_json

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

GENERATOR_TAG = "generator"
GRIDS = "samples/over_time"  # of images that models made while they were fitted


def open_generator(client: MlflowClient, parent: Run, generator: str, start: float) -> Run:
    """The child run of a generator, which is made where there is none."""
    key = {"mlflow.parentRunId": parent.info.run_id, GENERATOR_TAG: generator}
    return open_run(client, parent.info.experiment_id, key, generator, start)


def series_of(fold: int | None, loss: str) -> str:
    """What a loss of a fold's fit is called."""
    return f"{loss}.{'all' if fold is None else f'fold{fold}'}"


def record_generator(
    client: MlflowClient, findings: Findings, parent: Run, generator: str, costs: Mapping[str, Cost], end: float
) -> None:
    """Record one generator; one that did not change gets everything but the files."""
    stage = f"synthesize@{generator}"
    outcome, seconds = findings.outcomes[stage], costs[stage].seconds if stage in costs else 0.0
    run = open_generator(client, parent, generator, end - seconds)
    run_id, folder = run.info.run_id, findings.root / "data" / "synthetic" / generator
    good = findings.good(stage)
    params = findings.params
    own, shared = params.generators[generator].model_dump(mode="json"), params.synthesize.model_dump(mode="json")
    metrics: dict[str, Points] = {"seconds.synthesize": [(0, seconds)]} if outcome == "Completed" else {}
    if good:
        made = read_json(folder / "summary.json")["classes"]
        metrics["images"] = [(0, float(sum(one["synthetic"] for one in made.values())))]
        for (fold, name), losses in pd.read_csv(folder / "losses.csv").groupby(["fold", "name"], dropna=False):
            where = None if pd.isna(fold) else int(fold)
            metrics[series_of(where, str(name))] = list(zip(losses["step"], losses["loss"], strict=True))
    tags = {"outcome": outcome, "mlflow.note.content": f"Images of the generator `{generator}`."}
    log(client, run, tags=tags, parameters=flat(own) | flat(shared, "synthesize."), metrics=metrics)
    if good and outcome != "Unchanged":
        for name in ("summary.json", "losses.csv", "gates.json", "dropped.csv"):
            log_files(client, run_id, folder / name, "")
        log_files(client, run_id, folder / "sheets", "samples")
    client.set_terminated(run_id, "FINISHED" if good else "FAILED", int(end * 1000))
