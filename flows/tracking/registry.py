"""The recommended model in MLflow's registry, and the gate that decides whether it becomes champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.tracking.findings import Findings
from flows.wording import interval
from tasks.decimals import signed

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
HASH_TAG = "equipoise.dvc_hash"


@dataclass(frozen=True)
class Gate:
    """Whether the recommended strategy may become champion, and why or why not, as a sentence."""

    passed: bool
    reason: str


def judge(findings: Findings) -> Gate:
    """Hold the recommended strategy's gain over the baseline against ``track.gate.min_gain``."""
    strategy = findings.leaderboard["recommended"]
    if strategy == findings.leaderboard["baseline"]:
        return Gate(False, f"{strategy} is the baseline: no strategy is better by more than chance would explain")
    difference = findings.rows[strategy]["difference"]
    least = findings.params.track.gate.min_gain
    passed = difference["low"] > least
    return Gate(
        passed,
        f"{strategy} gains {interval(difference, signed=True)} {findings.leaderboard['judged_by']} over "
        f"{findings.leaderboard['baseline']}; the lower end is {'' if passed else 'not '}above {signed(least)} "
        "(track.gate.min_gain)",
    )


def register(client: MlflowClient, findings: Findings, gate: Gate, run_id: str) -> str:
    """Register the recommended strategy's model unless it is, move the alias if the gate holds; return the version.

    Parameters
    ----------
    client
        Of the tracking store.
    findings
        With a recommendation.
    gate
        Its judgement.
    run_id
        The run that holds the model's files.
    """
    from mlflow.exceptions import MlflowException

    name = findings.params.track.experiment
    strategy = findings.leaderboard["recommended"]
    digest = findings.hashes[f"models/{strategy}"]
    try:
        client.create_registered_model(name, description=f"Classifiers recommended by Equipoise on {name}.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = client.search_model_versions(f"name = '{name}'")
    version = next((found.version for found in versions if found.tags.get(HASH_TAG) == digest), None)
    if version is None:
        created = client.create_model_version(
            name, f"runs:/{run_id}/train/model", run_id, tags={HASH_TAG: digest, "strategy": strategy}
        )
        version = created.version
    verdict = "passed" if gate.passed else "held back"
    client.set_model_version_tag(name, version, "gate", verdict)
    client.set_model_version_tag(name, version, "gate_reason", gate.reason)
    client.update_model_version(name, version, f"{strategy}, {verdict} by the gate: {gate.reason}.")
    if gate.passed:
        client.set_registered_model_alias(name, CHAMPION, version)
    return str(version)
