"""The log of looks at the test part: whoever keeps choosing by it turns it into a validation part."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tasks.compare.heldout import Confirmation
from tasks.workspace import STATE, Workspace

LOG = "test_looks.jsonl"
FAIR_LOOKS = 5  # more choose by the test part, whether meant or not


def log_looks(workspace: Workspace, confirmation: Confirmation, metric: str, files: Mapping[str, Path]) -> int:
    """Append a line for each strategy whose test part was scored to the workspace's own log.

    A line holds the time, the strategy, the digest of its predictions, and the metric with its value. The log is no
    output: git and DVC ignore it.

    Returns
    -------
    int
        How many different predictions were ever scored on the test part; to score the same again tells nothing new.
    """
    log = workspace.path(STATE, LOG)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as lines:
        for strategy, evaluation in confirmation.evaluations.items():
            look = {
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "strategy": strategy,
                "predictions_sha256": hashlib.sha256(files[strategy].read_bytes()).hexdigest(),
                "metric": metric,
                "value": evaluation.metrics[metric].as_json()["value"],
            }
            lines.write(json.dumps(look) + "\n")
    return len(set(re.findall(r'"predictions_sha256": "(\w+)"', log.read_text(encoding="utf-8"))))


def look_sentence(looks: int) -> str:
    """What the terminal says of the number of looks at the test part."""
    tail = ": it is a validation part by now, and a fresh one is needed" if looks > FAIR_LOOKS else ""
    return f"look {looks} at the test part (different predictions ever scored on it){tail}"
