"""Fits in MLflow while they run: the child run of a strategy or a generator, with losses and images as they come.

The record at the end of the pipeline run finds these runs by their keys and completes them. A store that is away, or
that refuses, ends this for the run and nothing else.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from flows.tracking.generators import GRIDS, open_generator, series_of
from flows.tracking.recording import open_experiment, open_parent
from flows.tracking.registry import STRATEGY_TAG
from flows.tracking.runs import METRICS_A_REQUEST, open_run
from flows.tracking.store import connection
from tasks.synthesize.moments import Told, told_file
from tasks.train.epochs import Epoch

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Line = Epoch | Told

METRIC = "live.loss"  # an epoch a step, those of all fits one after the other; train.loss is their mean, at the end


class LiveRuns:
    """The runs of one pipeline run's fits. Whoever shows something here waits for no server.

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
        self._told: SimpleQueue[tuple[str, list[Line], int] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def show(self, stage: str, lines: list[Line], before: int) -> None:
        """Take what a stage has told, of which `before` lines came earlier."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="live runs", daemon=True)
            self._thread.start()
        self._told.put((stage, lines, before))

    def close(self) -> None:
        """Wait until all has arrived, or can't."""
        if self._thread is not None:
            self._told.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            with connection(self._root) as client:
                self._log(client)
        except Exception:  # a store has many ways to fail; the record at the end tells of it
            return

    def _log(self, client: MlflowClient) -> None:
        run_id, started = self._key
        runs: dict[str, Run] = {}
        try:
            while (item := self._told.get()) is not None:
                stage, lines, before = item
                if stage not in runs:
                    experiment_id = open_experiment(client, self._root, self._experiment)
                    runs[stage] = _open_child(client, open_parent(client, experiment_id, run_id, started), stage)
                self._show(client, runs[stage].info.run_id, stage, lines, before)
        finally:
            for run in runs.values():
                client.set_terminated(run.info.run_id, "FAILED")  # until the record says that it is whole

    def _show(self, client: MlflowClient, run_id: str, stage: str, lines: list[Line], before: int) -> None:
        """Log some lines of a stage."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        points: list[Metric] = []
        for number, line in enumerate(lines, start=before + 1):
            if isinstance(line, Epoch):
                points.append(Metric(METRIC, line.loss, now, number))
                continue
            points += [Metric(series_of(line.fold, name), loss, now, line.step) for name, loss in line.losses.items()]
            if line.grid:
                file = told_file(self._root, stage.partition("@")[2]).with_name(line.grid)
                client.log_artifact(run_id, str(file), GRIDS)
        for start in range(0, len(points), METRICS_A_REQUEST):
            client.log_batch(run_id, metrics=points[start : start + METRICS_A_REQUEST])


def _open_child(client: MlflowClient, parent: Run, stage: str) -> Run:
    name, _, item = stage.partition("@")
    if name == "synthesize":
        run = open_generator(client, parent, item, time.time())
    else:
        key = {"mlflow.parentRunId": parent.info.run_id, STRATEGY_TAG: item}
        run = open_run(client, parent.info.experiment_id, key, item, time.time())
    client.update_run(run.info.run_id, "RUNNING")
    return run
