"""`equipoise promote`: a model becomes champion because someone says so and the gate lets it, or against the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.masking import masked
from flows.tracking.findings import Findings
from flows.tracking.gate import Decision
from flows.tracking.judging import judge, keep_evidence
from flows.tracking.registry import ASKED, BACK, FORCED, STRATEGY_TAG, Registry
from flows.tracking.runs import find_runs
from flows.tracking.store import connection
from tasks.errors import InputError, did_you_mean
from tasks.params import load_params

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

LATER = "nothing has changed: try again once it can"
LONGEST = 1_000  # characters of a reason


def promote(findings: Findings, wanted: str = "", because: str = "") -> Decision:
    """Make a model champion if the gate lets it, or if there is a reason to do so all the same.

    Parameters
    ----------
    findings
        The present results.
    wanted
        A strategy, or the number of a version in MLflow's registry; the recommended strategy if empty.
    because
        Why it is promoted even if the gate holds it back; empty: it is not.

    Returns
    -------
    Decision
        Whether it is champion now, and what decided it.

    Raises
    ------
    InputError
        There is no such model, or the reason is too long to be kept.
    TrackingAway
        The tracking store could not be reached, or refused; nothing has changed.
    """
    because = _kept(because)
    with connection(findings.root, LATER) as client:
        registry = Registry(client, findings.params.track.experiment)
        version = _chosen(client, registry, findings, wanted)
        decision = judge(client, registry, findings, version, asked=True)
        if decision.champion == decision.version:
            return decision
        if not decision.held:
            decision = replace(decision, because=because)
        if decision.passed:
            how, reason = (ASKED, decision.reason) if decision.held else (FORCED, decision.because)
            registry.make_champion(decision.version, decision.strategy, how, reason)
        registry.keep_decision(version, decision)
    return decision


def go_back(root: Path, because: str = "") -> str:
    """Put the champion before this one back; says so in a sentence.

    Parameters
    ----------
    root
        The workspace.
    because
        Why; kept with the change.

    Raises
    ------
    InputError
        There was none before, or the reason is too long to be kept.
    TrackingAway
        The tracking store could not be reached, or refused; nothing has changed.
    """
    because = _kept(because)
    name = load_params(root / "params.yaml").track.experiment
    with connection(root, LATER) as client:
        registry = Registry(client, name)
        present, line = registry.champion, registry.line()
        before = line[:-1] if present else line
        if not before:
            told = f"version {present.version} is the first champion" if present else "there is no champion yet"
            raise InputError(f"{told} of {name}: there is none to go back to")
        version = registry.version(before[-1])
        strategy = version.tags.get(STRATEGY_TAG, "") if version else ""
        registry.make_champion(before[-1], strategy, BACK, because)
    told = f"version {before[-1]} ({strategy}) is champion again"
    if not present:
        return told
    return (
        f"{told}, in the place of version {present.version} ({present.tags.get(STRATEGY_TAG, '')}); no run makes that "
        f"one champion again by itself, `equipoise promote {present.version}` asks for it"
    )


def _kept(because: str) -> str:
    """A reason as it is kept."""
    if len(because) > LONGEST:
        raise InputError(f"--because: {len(because):,} characters; MLflow keeps {LONGEST:,} with a change, so be short")
    return masked(because)


def _chosen(client: MlflowClient, registry: Registry, findings: Findings, wanted: str) -> ModelVersion:
    """The version that is meant; that of a present strategy is made if it has none."""
    strategy = wanted or str(findings.recommended)
    if strategy not in findings.rows:
        found = registry.version(strategy) if strategy.isdecimal() else None
        if found is None:
            versions = ", ".join(registry.numbers()) or "none yet"
            raise InputError(
                f"there is no strategy and no version {wanted!r}{did_you_mean(wanted, findings.rows)}; strategies are "
                f"{', '.join(findings.rows)}, versions of {registry.name} in MLflow {versions}"
            )
        return found
    identity = findings.identity(strategy)
    experiment = client.get_experiment_by_name(registry.name)
    same = {STRATEGY_TAG: strategy, **identity}
    runs = find_runs(client, experiment.experiment_id, same) if experiment else []
    if not runs:
        raise InputError(f"the model of {strategy} is not recorded in MLflow yet: `equipoise track` does it")
    version = registry.register(strategy, identity, runs[0].info.run_id)
    keep_evidence(client, findings, strategy, version.run_id or runs[0].info.run_id)
    return version
