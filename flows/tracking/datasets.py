"""The data of a run as MLflow's datasets: the digest is DVC's hash, so equal digests mean equal files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flows.tracking.findings import Findings

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

SPLITS = "data/splits"
TRAINING, EVALUATION = "training", "evaluation"


def datasets_of_run(findings: Findings) -> list[DatasetInput]:
    """What all strategies of a pipeline run share: the parts of the split."""
    return [*_part(findings, "train", "training part", TRAINING), *_part(findings, "test", "test part", EVALUATION)]


def datasets_of_strategy(findings: Findings, strategy: str) -> list[DatasetInput]:
    """What a strategy was fitted on, and on which images it was judged."""
    found = []
    for recipe in dict.fromkeys(one.recipe for one in findings.params.made_of(strategy).values()):
        if not findings.good(f"balance@{recipe}"):
            continue
        found.append(_dataset(findings, f"data/balanced/{recipe}", recipe, findings.class_counts(recipe), TRAINING))
    if strategy in findings.metrics:
        found += _part(findings, "train", "out of fold", EVALUATION)
    if strategy in findings.held_out:
        found += _part(findings, "test", "test part", EVALUATION)
    return found


def _part(findings: Findings, part: str, name: str, context: str) -> list[DatasetInput]:
    """A part of the split, if the stage did its work."""
    if not findings.good("split"):
        return []
    return [_dataset(findings, SPLITS, name, findings.part_counts(part), context)]


def _dataset(findings: Findings, path: str, name: str, counts: Mapping[str, int], context: str) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = {"path": path, "git_commit": findings.git_commit, "dvc_hash": findings.hashes[path]}
    dataset = Dataset(
        name=name,
        digest=findings.hashes[path],
        source_type="dvc",
        source=json.dumps(source),
        profile=json.dumps({"num_rows": sum(counts.values()), "classes": counts}, ensure_ascii=False),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
