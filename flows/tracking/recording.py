"""One pipeline run as MLflow runs: a parent, and a child a strategy.

Every step may be repeated: a run is looked up by its key before it is made, and what is logged twice is the same. So a
record that broke off is completed by the same call. Until a run is whole its status is FAILED, however it broke off.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.leaderboard import LEADERBOARD
from flows.price import Price, prices
from flows.tracking.findings import Findings
from flows.tracking.notes import EXPERIMENT_NOTE, parent_note
from flows.tracking.registry import judge, register
from flows.tracking.runs import Points, flat, legal, log, log_files, open_run
from flows.tracking.store import TrackingAway, artifact_location, connection, run_url, store
from flows.tracking.strategies import record_strategy
from tasks.params import Params

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN_TAG = "equipoise.run_id"
GATE_TAG = "gate"
REASON_TAG = "gate_reason"
VERSION_TAG = "model_version"
RECORDED_TAG = "equipoise.recorded"
PASSED, HELD = "passed", "held back"


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
    version
        Version of the registered model that is the recommended strategy's, if there is one.
    champion
        Whether the gate held, so that this version is champion.
    gate
        The gate's reason, as a sentence; empty where nothing was recommended.
    """

    experiment_id: str
    parent_run_id: str
    url: str | None
    version: str | None
    champion: bool
    gate: str


def record(
    root: Path,
    params: Params,
    outcomes: Mapping[str, str],
    seconds: Mapping[str, float],
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
    seconds
        What each stage took.
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
        experiment_id = _open_experiment(client, root, params.track.experiment)
        start = started or end
        parent = open_run(client, experiment_id, {RUN_TAG: run_id}, _name(findings, start), start)
        if RECORDED_TAG not in parent.data.tags:
            _fill(client, findings, parent, flow_run, seconds, end)
            parent = client.get_run(parent.info.run_id)
    tags = parent.data.tags
    return Recorded(
        experiment_id,
        parent.info.run_id,
        run_url(store(root), experiment_id, parent.info.run_id),
        tags.get(VERSION_TAG),
        tags.get(GATE_TAG) == PASSED,
        tags.get(REASON_TAG, ""),
    )


def _open_experiment(client: MlflowClient, root: Path, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        tags = {"mlflow.note.content": EXPERIMENT_NOTE, "mlflow.experimentKind": "custom_model_development"}
        return client.create_experiment(name, artifact_location(root), tags)
    if found.lifecycle_stage == "deleted":
        raise TrackingAway(
            f"MLflow's experiment {name!r} was deleted; bring it back with `mlflow experiments restore -x "
            f"{found.experiment_id}`, or name another one in params.yaml (track.experiment), then run `equipoise track`"
        )
    return found.experiment_id


def _name(findings: Findings, start: float) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(start))
    return f"{when} · {findings.lock_digest[:7]}" if findings.lock_digest else when


def _tags(findings: Findings, flow_run: FlowRun | None, found: Mapping[str, Price]) -> dict[str, str | None]:
    labels = {slug: label for label, slug in findings.class_slugs.items()}
    return {
        "mlflow.note.content": parent_note(findings, found),
        "mlflow.source.git.commit": findings.git_commit,
        "git_commit": findings.git_commit,
        "dvc_lock_sha256": findings.lock_digest,
        "classes": json.dumps(labels, ensure_ascii=False),
        "prefect.flow_run_id": flow_run.id if flow_run else None,
        "prefect.flow_run_url": flow_run.url if flow_run else None,
        **{f"outcome.{legal(stage)}": outcome for stage, outcome in findings.outcomes.items()},
        **{f"dvc.{path}": digest for path, digest in findings.hashes.items() if path.startswith("data/")},
    }


def _fill(
    client: MlflowClient,
    findings: Findings,
    parent: Run,
    flow_run: FlowRun | None,
    seconds: Mapping[str, float],
    end: float,
) -> None:
    """Log everything that belongs to the pipeline run; afterwards it is whole."""
    parent_id = parent.info.run_id
    shared = findings.params.model_dump(mode="json", exclude={"strategies", "recipes", "generators", "track", "run"})
    costs: dict[str, Points] = {f"seconds.{legal(stage)}": [(0, took)] for stage, took in seconds.items()}
    found = prices(findings.root, findings.recipes, seconds)
    log(client, parent, tags=_tags(findings, flow_run, found), parameters=flat(shared), metrics=costs)
    for path, folder in _artifacts(findings).items():
        log_files(client, parent_id, findings.root / path, folder)
    holders = {
        name: record_strategy(client, findings, parent, name, seconds, found[name], end) for name in findings.strategies
    }
    recommended = findings.leaderboard.get("recommended")
    if recommended in holders:
        gate = judge(findings)
        version = register(client, findings, gate, holders[recommended])
        client.set_tag(parent_id, VERSION_TAG, version)
        client.set_tag(parent_id, GATE_TAG, PASSED if gate.passed else HELD)
        client.set_tag(parent_id, REASON_TAG, gate.reason)
    client.set_tag(parent_id, RECORDED_TAG, "yes")
    client.set_terminated(parent_id, findings.status, int(end * 1000))


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
    for strategy in findings.params.strategies:
        shown[f"audit@{strategy}"] = {f"reports/audit/{strategy}": f"audit/{strategy}"}
    return {path: folder for stage, paths in shown.items() if findings.good(stage) for path, folder in paths.items()}
