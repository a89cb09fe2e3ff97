"""What a run leaves behind for people: outcomes, times and costs, in `.equipoise`, which git and DVC ignore."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.costs import Cost, as_json, costs, keep_cost
from flows.lockfile import present_content
from flows.outcomes import Outcome, Result
from tasks.files import read_json, write_json
from tasks.workspace import STATE


@dataclass
class Journal:
    """One pipeline run.

    Attributes
    ----------
    root
        The project's folder.
    run_id
        Names the run in logs and in MLflow; sorts by time.
    started
        Seconds since 1970.
    flow_run
        Id and URL of the Prefect flow run.
    decision
        What the gate said of the recommended strategy (`flows.tracking.gate.Decision.as_json`).
    """

    root: Path
    run_id: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")
    results: dict[str, Result] = field(default_factory=dict)
    started: float = field(default_factory=time.time)
    flow_run: dict[str, Any] | None = None
    decision: dict[str, Any] | None = None

    @property
    def logs(self) -> Path:
        """Folder of this run's log files, one a stage."""
        return self.root / STATE / "logs" / self.run_id

    @property
    def outcomes(self) -> dict[str, str]:
        """What became of each stage."""
        return {stage: str(result.outcome) for stage, result in self.results.items()}

    def add(self, result: Result) -> None:
        """Keep a stage's result, and what it cost if its command ran."""
        self.results[result.stage] = result
        if result.outcome is Outcome.COMPLETED:
            keep_cost(self.root, result.stage, Cost(round(result.seconds, 2), result.peak_memory))

    @property
    def good(self) -> bool:
        """Whether every stage is up to date."""
        return bool(self.results) and all(result.outcome.good for result in self.results.values())

    def close(self, stages: Iterable[str]) -> None:
        """Count those of `stages` that never came to an end as cancelled, and save."""
        for stage in stages:
            self.results.setdefault(stage, Result(stage, Outcome.CANCELLED))
        self.save()

    def save(self) -> None:
        """Write the run as the last one."""
        write_json(
            self.root / STATE / "runs" / "last.json",
            {
                "run_id": self.run_id,
                "started": self.started,
                "ended": time.time(),
                "flow_run": self.flow_run,
                "decision": self.decision,
                "versions": versions_digest(self.root),
                "outcomes": self.outcomes,
                "took": {stage: round(result.seconds, 2) for stage, result in self.results.items()},
                "costs": as_json(costs(self.root)),
                "messages": {stage: result.message for stage, result in self.results.items() if result.message},
                "exit_codes": {stage: result.exit_code for stage, result in self.results.items() if result.exit_code},
            },
        )


def versions_digest(root: Path) -> str:
    """SHA-256 of `dvc.lock` and `params.yaml`, which name the version of everything."""
    params = root / "params.yaml"
    content = (present_content(root) or b"") + (params.read_bytes() if params.exists() else b"")
    return hashlib.sha256(content).hexdigest()


def last_run(root: Path) -> dict[str, Any] | None:
    """What `Journal.save` wrote last, or nothing."""
    path = root / STATE / "runs" / "last.json"
    return dict(read_json(path)) if path.exists() else None
