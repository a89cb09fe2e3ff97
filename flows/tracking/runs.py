"""The few things done to every MLflow run: find or make it, log in batches, add files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flows.masking import masked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

METRICS_A_REQUEST = 1000  # MLflow's limits
NAMES_A_REQUEST = 100
SOURCE = {"mlflow.source.name": "equipoise run", "mlflow.source.type": "PROJECT"}

Points = Sequence[tuple[int, float]]  # step and value
Item = TypeVar("Item")


def open_run(client: MlflowClient, experiment_id: str, key: Mapping[str, str], name: str, start: float) -> Run:
    """The run that has the tags of `key`, or else a new one, whose status is FAILED until someone says it is whole.

    Parameters
    ----------
    client
        Of the tracking store.
    experiment_id
        The experiment's.
    key
        Tags that together name the run.
    name
        What people see.
    start
        In seconds since 1970.
    """
    found = find_runs(client, experiment_id, key)
    if found:
        return found[0]
    run = client.create_run(experiment_id, int(start * 1000), {**SOURCE, **key}, run_name=name)
    client.set_terminated(run.info.run_id, "FAILED")
    return run


def find_runs(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> list[Run]:
    """Runs of an experiment that have all of `tags`, the newest first."""
    condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    return list(client.search_runs([experiment_id], condition))


def log(
    client: MlflowClient,
    run: Run,
    *,
    tags: Mapping[str, str | None],
    parameters: Mapping[str, str],
    metrics: Mapping[str, Points],
) -> None:
    """Log everything in few requests; the same again changes nothing.

    Tags that are None are left out, and passwords masked.
    """
    from mlflow.entities import Metric, Param, RunTag

    run_id, time = run.info.run_id, run.info.start_time  # one time for all, so that a point logged twice is one
    for tag_batch in _batches(
        [RunTag(tag, masked(text)) for tag, text in tags.items() if text is not None], NAMES_A_REQUEST
    ):
        client.log_batch(run_id, tags=tag_batch)
    for parameter_batch in _batches([Param(name, masked(text)) for name, text in parameters.items()], NAMES_A_REQUEST):
        client.log_batch(run_id, params=parameter_batch)
    points = [Metric(name, value, time, step) for name, series in metrics.items() for step, value in series]
    for metric_batch in _batches(points, METRICS_A_REQUEST):
        client.log_batch(run_id, metrics=metric_batch)


def log_files(client: MlflowClient, run_id: str, path: Path, folder: str) -> None:
    """Add a file, or what stands in a folder, to a run's artifacts below `folder`; what is missing is left out."""
    if path.is_dir():
        client.log_artifacts(run_id, str(path), folder)
    elif path.is_file():
        client.log_artifact(run_id, str(path), folder or None)


def legal(name: str) -> str:
    """A stage's address as MLflow allows it in names: ``train@focal`` becomes ``train.focal``."""
    return name.replace("@", ".")


def flat(section: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters as names with dots and values as text."""
    found: dict[str, str] = {}
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
