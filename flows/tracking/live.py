"""Trainings in MLflow while they run: the child run of a strategy, with the loss of each epoch as it ends.

The record at the end of the pipeline run finds these runs by their keys and completes them. A store that is away, or
that refuses, ends this for the run and nothing else.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from flows.tracking.recording import open_experiment, open_parent
from flows.tracking.registry import STRATEGY_TAG
from flows.tracking.runs import METRICS_A_REQUEST, open_run
from flows.tracking.store import connection
from tasks.train.epochs import Epoch

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

METRIC = "live.loss"  # an epoch a step, those of all fits one after the other; train.loss is their mean, at the end


class LiveRuns:
    """The runs of one pipeline run's trainings. Whoever shows something here waits for no server.

    Parameters
    ----------
    root
        The workspace.
    experiment
        Its name.
    run_id
        Names the pipeline run (`flows.tracking.record`).
    started
        When it did, in seconds since 1970.
    """

    def __init__(self, root: Path, experiment: str, run_id: str, started: float) -> None:
        self._root = root
        self._experiment = experiment
        self._key = run_id, started
        self._epochs: SimpleQueue[tuple[str, list[Epoch], int] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def show(self, strategy: str, epochs: list[Epoch], before: int) -> None:
        """Take epochs of a strategy's training, of which `before` came earlier."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="live runs", daemon=True)
            self._thread.start()
        self._epochs.put((strategy, epochs, before))

    def close(self) -> None:
        """Wait until all has arrived, or can't."""
        if self._thread is not None:
            self._epochs.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            with connection(self._root) as client:
                self._log(client)
        except Exception:  # a store has many ways to fail; the record at the end tells of it
            return

    def _log(self, client: MlflowClient) -> None:
        from mlflow.entities import Metric

        run_id, started = self._key
        runs: dict[str, Run] = {}
        try:
            while (item := self._epochs.get()) is not None:
                strategy, epochs, before = item
                if strategy not in runs:
                    experiment_id = open_experiment(client, self._root, self._experiment)
                    parent = open_parent(client, experiment_id, run_id, started)
                    runs[strategy] = _open_child(client, parent, strategy)
                now = int(time.time() * 1000)
                points = [Metric(METRIC, one.loss, now, before + number) for number, one in enumerate(epochs, start=1)]
                for start in range(0, len(points), METRICS_A_REQUEST):
                    client.log_batch(runs[strategy].info.run_id, metrics=points[start : start + METRICS_A_REQUEST])
        finally:
            for run in runs.values():
                client.set_terminated(run.info.run_id, "FAILED")  # until the record says that it is whole


def _open_child(client: MlflowClient, parent: Run, strategy: str) -> Run:
    key = {"mlflow.parentRunId": parent.info.run_id, STRATEGY_TAG: strategy}
    run = open_run(client, parent.info.experiment_id, key, strategy, time.time())
    client.update_run(run.info.run_id, "RUNNING")
    return run
