"""One pipeline run as MLflow runs: a parent, and a child a strategy and a generator.

Every step may be repeated: a run is looked up by its key before it is made, and what is logged twice is the same. So a
record that broke off is completed by the same call. Until a run is whole its status is FAILED, however it broke off.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.costs import Cost
from flows.leaderboard import LEADERBOARD
from flows.price import Price, prices
from flows.tracking.datasets import datasets_of_run
from flows.tracking.findings import Findings
from flows.tracking.gate import Decision
from flows.tracking.generators import record_generator
from flows.tracking.judging import judge, keep_evidence
from flows.tracking.notes import EXPERIMENT_NOTE, parent_note
from flows.tracking.registry import BY_GATE, DECISION, Registry
from flows.tracking.runs import Points, flat, legal, log, log_files, open_run
from flows.tracking.store import TrackingAway, artifact_location, artifacts_below, connection, run_url, store
from flows.tracking.strategies import record_strategy
from tasks.files import read_json
from tasks.params import Params
from tasks.workspace import STATE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN_TAG = "equipoise.run_id"
GATE_TAG = "gate"
RECORDED_TAG = "equipoise.recorded"
OF_ITEMS = {"strategies", "recipes", "generators", "pretrain"}  # sections of which a run shows what it uses
KIND_TAG = "mlflow.experimentKind"  # decides which of MLflow's pages an experiment opens
KIND = "custom_model_development"


@dataclass(frozen=True)
class FlowRun:
    """The Prefect flow run that a pipeline run was."""

    id: str
    url: str | None = None


@dataclass(frozen=True)
class Recorded:
    """Where a pipeline run stands in MLflow.

    Attributes
    ----------
    experiment_id, parent_run_id
        MLflow's ids.
    url
        Page of the parent at the tracking server; None for a store in a file, whose server is started by need.
    decision
        What the gate said of the recommended strategy's model; None where nothing was recommended.
    """

    experiment_id: str
    parent_run_id: str
    url: str | None
    decision: Decision | None


def record(
    root: Path,
    params: Params,
    outcomes: Mapping[str, str],
    costs: Mapping[str, Cost],
    flow_run: FlowRun | None = None,
    *,
    run_id: str,
    started: float | None = None,
    ended: float | None = None,
) -> Recorded:
    """Record one pipeline run; recording it again changes nothing.

    Parameters
    ----------
    root
        The workspace's folder, as the run left it.
    params
        The parameters of the run.
    outcomes
        For each stage of the run, by address (``train@focal``), ``Completed``, ``Restored``, ``Unchanged``, ``Failed``,
        ``Blocked`` or ``Cancelled``.
    costs
        What each stage cost when it last ran, by address.
    flow_run
        The Prefect flow run, if there was one.
    run_id
        Names the pipeline run: the same one is recorded once.
    started, ended
        When the pipeline run did, in seconds since 1970; now, where not known.

    Raises
    ------
    TrackingAway
        The tracking store could not be reached, or refused; the same call works later.
    """
    findings = Findings(root, params, outcomes)
    end = ended or time.time()
    with connection(root) as client:
        experiment_id = open_experiment(client, root, params.track.experiment)
        start = started or end
        parent = open_parent(client, experiment_id, run_id, start)
        if RECORDED_TAG not in parent.data.tags:
            client.update_run(parent.info.run_id, name=_name(start, findings.lock_digest))
            _fill(client, findings, parent, flow_run, costs, end)
            _close_left(client, root, parent)
            parent = client.get_run(parent.info.run_id)
        decision = _kept_decision(client, parent)
    parent_id = parent.info.run_id
    return Recorded(experiment_id, parent_id, run_url(store(root), experiment_id, parent_id), decision)


def open_experiment(client: MlflowClient, root: Path, name: str) -> str:
    """The id of the experiment of that name, which is made where there is none."""
    found = client.get_experiment_by_name(name)
    if found is None:
        tags = {"mlflow.note.content": EXPERIMENT_NOTE, KIND_TAG: KIND}
        return client.create_experiment(name, artifact_location(root), tags)
    if found.lifecycle_stage == "deleted":
        raise TrackingAway(
            f"MLflow's experiment {name!r} was deleted; bring it back with `mlflow experiments restore -x "
            f"{found.experiment_id}`, or name another one in params.yaml (track.experiment), then run `equipoise track`"
        )
    here = None if os.environ.get("MLFLOW_TRACKING_URI") else artifact_location(root)
    if here not in (None, found.artifact_location) and artifacts_below(found.artifact_location):
        raise TrackingAway(
            f"MLflow's experiment {name!r} keeps its files at {found.artifact_location}, for this workspace was moved "
            "or copied from there; delete .equipoise/mlflow here (the runs until then stay where they were), or name "
            "another experiment in params.yaml (track.experiment), then run `equipoise track`"
        )
    if KIND_TAG not in found.tags:
        client.set_experiment_tag(found.experiment_id, KIND_TAG, KIND)
    return found.experiment_id


def open_parent(client: MlflowClient, experiment_id: str, run_id: str, start: float) -> Run:
    """The run of a pipeline run, which is made where there is none."""
    return open_run(client, experiment_id, {RUN_TAG: run_id}, _name(start), start)


def _name(start: float, lock_digest: str | None = None) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(start))
    return f"{when} · {lock_digest[:7]}" if lock_digest else when


def _tags(findings: Findings, flow_run: FlowRun | None, found: Mapping[str, Price]) -> dict[str, str | None]:
    """What people look for runs by; all else stands in the note and in files."""
    board = findings.leaderboard
    return {
        "mlflow.note.content": parent_note(findings, found),
        "mlflow.source.git.commit": findings.git_commit,
        "git_commit": findings.git_commit,
        "dvc_lock_sha256": findings.lock_digest,
        "dataset": findings.hashes.get("data/catalog"),
        "recommended": findings.recommended,
        "proved": None if "proved" not in board else "yes" if board["proved"] else "no",
        "prefect.flow_run_id": flow_run.id if flow_run else None,
        "prefect.flow_run_url": flow_run.url if flow_run else None,
    }


def _facts(findings: Findings, costs: Mapping[str, Cost]) -> dict[str, Any]:
    """What became of the stages, DVC's hash of each output, and which class a slug in a metric's name stands for."""
    return {
        "stages": {
            stage: {"outcome": outcome, **(asdict(costs[stage]) if stage in costs else {})}
            for stage, outcome in findings.outcomes.items()
        },
        "dvc_hashes": findings.hashes,
        "classes": {slug: label for label, slug in findings.class_slugs.items()},
    }


def _fill(
    client: MlflowClient,
    findings: Findings,
    parent: Run,
    flow_run: FlowRun | None,
    costs: Mapping[str, Cost],
    end: float,
) -> None:
    """Log everything that belongs to the pipeline run; afterwards it is whole."""
    parent_id = parent.info.run_id
    shared = findings.params.model_dump(mode="json", exclude=OF_ITEMS | {"track", "run"})
    took: dict[str, Points] = {f"seconds.{legal(stage)}": [(0, cost.seconds)] for stage, cost in costs.items()}
    found = prices(findings.root, findings.recipes, costs, findings.ensembles, findings.backbones)
    log(client, parent, tags=_tags(findings, flow_run, found), parameters=flat(shared), metrics=took)
    client.log_inputs(parent_id, datasets_of_run(findings))
    client.log_dict(parent_id, _facts(findings, costs), "run.json")
    for path, folder in _artifacts(findings).items():
        log_files(client, parent_id, findings.root / path, folder)
    holders = {
        name: record_strategy(client, findings, parent, name, costs, found[name], end) for name in findings.strategies
    }
    for generator in findings.params.generators:
        if f"synthesize@{generator}" in findings.outcomes:
            record_generator(client, findings, parent, generator, costs, end)
    if findings.recommended in holders:
        decision = _consider(client, findings, findings.recommended, holders[findings.recommended])
        client.log_dict(parent_id, decision.as_json(), DECISION)
        client.set_tag(parent_id, GATE_TAG, decision.outcome)
        client.set_tag(parent_id, "mlflow.note.content", parent_note(findings, found, decision))
    client.set_tag(parent_id, RECORDED_TAG, "yes")
    client.set_terminated(parent_id, findings.status, int(end * 1000))


def _close_left(client: MlflowClient, root: Path, parent: Run) -> None:
    """End the trainings that a killed run of this workspace, which is known by its logs, has left as running."""
    for run in client.search_runs([parent.info.experiment_id], "attributes.status = 'RUNNING'"):
        above = run.data.tags.get("mlflow.parentRunId", "")
        if above not in ("", parent.info.run_id):
            of = client.get_run(above).data.tags.get(RUN_TAG)
            if of and (root / STATE / "logs" / of).is_dir():
                client.set_terminated(run.info.run_id, "KILLED")


def _consider(client: MlflowClient, findings: Findings, strategy: str, run_id: str) -> Decision:
    """Register a strategy's model, whose files that run holds, and make it champion if the gate lets it."""
    registry = Registry(client, findings.params.track.experiment)
    version = registry.register(strategy, findings.identity(strategy), run_id)
    keep_evidence(client, findings, strategy, version.run_id or run_id)
    decision = judge(client, registry, findings, version, asked=False)
    if decision.champion != decision.version:
        if decision.passed:
            registry.make_champion(decision.version, strategy, BY_GATE, decision.reason)
        registry.keep_decision(version, decision)
    return decision


def _kept_decision(client: MlflowClient, parent: Run) -> Decision | None:
    """What the gate said when a run was recorded; None of runs that an earlier version recorded."""
    if not any(file.path == DECISION for file in client.list_artifacts(parent.info.run_id)):
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return Decision.of_json(read_json(Path(client.download_artifacts(parent.info.run_id, DECISION, scratch))))


def _artifacts(findings: Findings) -> dict[str, str]:
    """Files and folders that the parent shows, and the folder among the artifacts where each goes."""
    shown = {
        "compare": {"reports/compare/report.html": "", LEADERBOARD.as_posix(): ""},
        "explore": {"reports/explore": "explore"},
        "ingest": {"data/catalog/summary.json": "data/catalog"},
        "split": {"data/splits/summary.json": "data/splits"},
    }
    for recipe in findings.params.recipes:
        shown[f"balance@{recipe}"] = {
            f"data/balanced/{recipe}/summary.json": f"data/balanced/{recipe}",
            f"data/balanced/{recipe}/contact_sheets": f"samples/{recipe}",
        }
    for name in findings.params.pretrain:
        own = f"models/backbones/{name}"
        shown[f"pretrain@{name}"] = dict.fromkeys([f"{own}/summary.json", f"{own}/history.csv"], f"pretrain/{name}")
    for strategy in findings.params.strategies:
        shown[f"audit@{strategy}"] = {f"reports/audit/{strategy}": f"audit/{strategy}"}
    return {path: folder for stage, paths in shown.items() if findings.good(stage) for path, folder in paths.items()}
