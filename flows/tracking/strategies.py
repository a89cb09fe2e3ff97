"""One strategy of a pipeline run as a child run: parameters, dataset, metrics, curves and files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flows.costs import Cost
from flows.price import Price
from flows.tracking import pyfunc
from flows.tracking.datasets import datasets_of_strategy
from flows.tracking.findings import Findings, Metrics
from flows.tracking.notes import child_note
from flows.tracking.registry import STRATEGY_TAG
from flows.tracking.runs import Points, find_runs, flat, log, log_files, open_run
from flows.tracking.store import run_page

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def record_strategy(
    client: MlflowClient,
    findings: Findings,
    parent: Run,
    strategy: str,
    costs: Mapping[str, Cost],
    price: Price,
    end: float,
) -> str:
    """Record one strategy and return the id of the run that holds its model's files.

    A strategy that did not change gets everything but the files, and a link to the run that has them.
    """
    stage = findings.stage_of(strategy)
    outcome = findings.outcomes[stage]
    experiment_id = parent.info.experiment_id
    key = {"mlflow.parentRunId": parent.info.run_id, STRATEGY_TAG: strategy}
    run = open_run(client, experiment_id, key, strategy, end - (costs[stage].seconds if stage in costs else 0.0))
    run_id = run.info.run_id

    same = {STRATEGY_TAG: strategy, **findings.identity(strategy)}
    holders = find_runs(client, experiment_id, same) if outcome == "Unchanged" else []
    holder: str = holders[0].info.run_id if holders else run_id

    link = run_page(experiment_id, holder) if holder != run_id else None
    log(
        client,
        run,
        tags={
            "mlflow.note.content": child_note(findings, strategy, link),
            "outcome": outcome,
            "verdict": findings.rows.get(strategy, {}).get("verdict"),
            "role": _role(findings, strategy),
            "model_run": holder,
        },
        parameters=_parameters(findings, strategy),
        metrics=_metrics(findings, strategy) | _costs(findings, strategy, costs) | _price(price),
    )
    client.log_inputs(run_id, datasets_of_strategy(findings, strategy))
    if findings.good(stage) and holder == run_id:
        _log_model(client, findings, run_id, strategy)
    if findings.good("evaluate") and (holder == run_id or findings.outcomes["evaluate"] != "Unchanged"):
        log_files(client, run_id, findings.root / "reports" / "evaluate" / "plots" / strategy, "eval")
    client.set_terminated(run_id, "FINISHED" if findings.good(stage) else "FAILED", int(end * 1000))
    return holder


def _role(findings: Findings, strategy: str) -> str | None:
    roles = [role for role in ("recommended", "baseline") if findings.leaderboard.get(role) == strategy]
    return ", ".join(roles) or None


def _parameters(findings: Findings, strategy: str) -> dict[str, str]:
    """The strategy's own parameters, its recipe's, its pretraining's and those that all share; or an ensemble's."""
    params = findings.params
    if strategy in params.ensembles:
        ensemble = params.ensembles[strategy].model_dump(mode="json")
        return {"strategy": strategy} | flat(ensemble) | flat(params.train.model_dump(mode="json"), "train.")
    own = params.strategies[strategy].model_dump(mode="json")
    recipe = params.recipes[params.strategies[strategy].recipe].model_dump(mode="json")
    shared = params.train.model_dump(mode="json")
    method = params.pretrain.get(findings.backbones[strategy])
    pretrained = flat(method.model_dump(mode="json"), "pretrain.") if method else {}
    return {"strategy": strategy} | flat(own) | flat(recipe, "recipe.") | flat(shared, "train.") | pretrained


def _metrics(findings: Findings, strategy: str) -> dict[str, Points]:
    """The training curve, and what `evaluate` and `compare` found."""
    found: dict[str, Points] = {}
    if strategy in findings.recipes and findings.good(f"train@{strategy}"):
        found["train.loss"] = findings.losses(strategy)
    found |= _estimates("cv.", findings.metrics.get(strategy, {}), findings.class_slugs)
    found |= _estimates("test.", findings.held_out.get(strategy, {}), findings.class_slugs)
    row = findings.rows.get(strategy)
    if row:
        found |= _estimates("", {"difference": row["difference"] or {}}, {})
        found |= _estimates("audit.", {"difference": row["audit"]["difference"] or {}}, {})
    return found


def _estimates(prefix: str, metrics: Metrics, class_slugs: Mapping[str, str]) -> dict[str, Points]:
    """Metrics and the ends of their intervals; of the metrics a class, recall: the report has the others."""
    found: dict[str, Points] = {}
    for name, estimate in metrics.items():
        kind, _, label = name.partition(".")
        if label and kind != "recall":
            continue
        named = f"{prefix}recall.{class_slugs[label]}" if label else f"{prefix}{name}"
        for end, suffix in (("value", ""), ("low", ".low"), ("high", ".high")):
            if estimate.get(end) is not None:
                found[named + suffix] = [(0, estimate[end])]
    return found


def _costs(findings: Findings, strategy: str, costs: Mapping[str, Cost]) -> dict[str, Points]:
    """Seconds of its own stage, its recipe's and its backbone's pretraining, if they ran; of an ensemble its own."""
    stages = [findings.stage_of(strategy)]
    if recipe := findings.recipes.get(strategy):
        stages += [f"balance@{recipe}", f"embed_new@{recipe}", f"audit@{strategy}"]
        stages.append(f"pretrain@{findings.backbones[strategy]}")
    return {
        f"seconds.{stage.partition('@')[0]}": [(0, costs[stage].seconds)]
        for stage in stages
        if stage in costs and findings.outcomes.get(stage) == "Completed"
    }


def _price(price: Price) -> dict[str, Points]:
    """What the strategy costs in all, also where nothing of it ran this time, as far as it is known."""
    counted = {"price.new_images": price.new_images, "price.bytes": price.bytes}
    found = counted | {"price.seconds": price.seconds, "price.peak_memory": price.peak_memory}
    return {name: [(0, float(value))] for name, value in found.items() if value is not None}


def _log_model(client: MlflowClient, findings: Findings, run_id: str, strategy: str) -> None:
    """Add the model and its history; only then the tags by which others find this run."""
    folder = findings.root / findings.output_of(strategy)
    with tempfile.TemporaryDirectory() as scratch:
        pyfunc.save(folder, Path(scratch) / "model", findings.rule(strategy))
        client.log_artifacts(run_id, str(Path(scratch) / "model"), "train/model")
    told = "weights.json" if strategy in findings.ensembles else "history.csv"
    log_files(client, run_id, folder / told, "train")
    for tag, value in findings.identity(strategy).items():
        client.set_tag(run_id, tag, value)
