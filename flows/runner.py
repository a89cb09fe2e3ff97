"""The parallel graph runner: DVC's stages, independent ones at the same time, one process each.

Each stage runs as ``dvc repro --single-item`` in topological order, which is the one way in which DVC allows several at
once; so `dvc.lock` ends up with the entries and hashes of a plain ``dvc repro``. The runner knows nothing of images,
and nothing of Prefect: who wants to wrap a stage's execution passes `execute`.
"""

from __future__ import annotations

import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from flows.graph import Graph
from flows.process import Ended, run_child
from tasks.workspace import STATE, WORKERS

# What DVC says on standard output; everything else is the stage's own.
_DVC_CHATTER = re.compile(
    r"^(Running stage '|> |Generating lock file|Updating lock file|Stage '.*' (didn't change|is cached)|"
    r"'.*\.dvc' didn't change|Verifying (data sources|outputs)|Data and pipelines are up to date|Use `dvc push`|"
    r"To track the changes with git|To enable auto staging|\tgit add |\tdvc config |ERROR: failed to reproduce|$)"
)
_RETRIED = re.compile(
    r"Unable to acquire lock|is busy, it is being blocked by|failed to (pull|push|fetch|transfer)|RWLock", re.IGNORECASE
)
_ATTEMPTS = 3
_SHOWN_LINES = 15


class Outcome(StrEnum):
    """What became of a stage."""

    COMPLETED = "Completed"  # its command ran
    RESTORED = "Restored"  # DVC had the outputs in its run cache
    UNCHANGED = "Unchanged"
    FAILED = "Failed"
    BLOCKED = "Blocked"  # something it waits for failed
    CANCELLED = "Cancelled"

    @property
    def good(self) -> bool:
        """Whether stages that wait for this one can run."""
        return self in (Outcome.COMPLETED, Outcome.RESTORED, Outcome.UNCHANGED)


@dataclass(frozen=True)
class Result:
    """What became of one stage: its outcome, how long it took, and for a failure why and with which exit code."""

    stage: str
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    exit_code: int = 0


Execute = Callable[[str, int], Result]
"""Runs a stage, given its address and how many worker processes it may use, and says what became of it."""


@dataclass
class Runner:
    """Runs stages of the DVC project at `root`, each in a process of its own.

    Attributes
    ----------
    root
        The project's folder.
    logs
        Folder for one log file a stage.
    forced
        Stages to run even if nothing changed.
    timeout
        Seconds after which a stage is ended and counts as failed.
    on_line
        Called with a stage's address and each line that the stage itself prints.
    """

    root: Path
    logs: Path
    forced: Set[str] = frozenset()
    timeout: float | None = None
    on_line: Callable[[str, str], None] = lambda stage, line: None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def run_stage(self, stage: str, workers: int = 1) -> Result:
        """Bring one stage up to date; what it waits for must be. Lock and remote errors are tried again."""
        start = time.monotonic()
        for attempt in range(1, _ATTEMPTS + 1):
            ended = self._reproduce(stage, workers)
            if ended.code == 0 or ended.why or attempt == _ATTEMPTS or not _is_transient(ended.lines):
                break
            self.on_line(stage, f"DVC's lock or remote did not answer; attempt {attempt + 1} of {_ATTEMPTS} follows")
            if self.cancelled.wait(float(attempt)):
                ended = replace(ended, why="cancelled")
                break
        return _result(stage, ended, time.monotonic() - start, self.logs / f"{stage.replace('/', '_')}.log")

    def _reproduce(self, stage: str, workers: int) -> Ended:
        command = [sys.executable, "-m", "flows.reproduce", stage, *(["--force"] if stage in self.forced else [])]
        return run_child(
            command,
            root=self.root,
            environment=stage_environment(workers),
            log=self.logs / f"{stage.replace('/', '_')}.log",
            on_line=lambda line: None if _DVC_CHATTER.match(line) else self.on_line(stage, line),
            cancelled=self.cancelled,
            timeout=self.timeout,
        )


def stage_environment(workers: int) -> dict[str, str]:
    """The environment of a stage's process: this interpreter first on the path, no telemetry, its share of workers."""
    here = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
        WORKERS: str(workers),
    }


def run_graph(
    graph: Graph,
    stale: set[str],
    execute: Execute,
    *,
    jobs: int,
    cancelled: threading.Event,
    on_result: Callable[[Result], None] = lambda result: None,
) -> dict[str, Result]:
    """Run a graph, at most `jobs` stages at the same time, and return what became of each stage.

    A stage is executed if it is in `stale` or something that it waits for was executed; else it is unchanged, which
    costs nothing. What waits for a failed stage is blocked; everything else still runs.

    Parameters
    ----------
    graph
        What to run.
    stale
        Stages that are known to need running.
    execute
        Runs one stage; called from several threads at once.
    jobs
        How many stages run at the same time; results don't depend on it.
    cancelled
        Set when this function is left by an exception (``KeyboardInterrupt`` included), so that stages that run end.
    on_result
        Called, in the calling thread, with each stage's result as it is known.
    """
    results: dict[str, Result] = {}
    waiting = list(graph.upstream)
    running: set[str] = set()
    finished: queue.Queue[tuple[str, Future[Result]]] = queue.Queue()

    def announce(stage: str, future: Future[Result]) -> None:
        finished.put((stage, future))

    def settle(result: Result) -> None:
        results[result.stage] = result
        if result.stage in waiting:
            waiting.remove(result.stage)
        on_result(result)

    def next_ready() -> list[str]:
        """Stages that can run now; settles those that are unchanged or blocked on the way."""
        ready = []
        for stage in list(waiting):
            known = [results[upper] for upper in graph.upstream[stage] if upper in results]
            bad = [result.stage for result in known if not result.outcome.good]
            if bad:
                settle(Result(stage, Outcome.BLOCKED, message=f"waits for {', '.join(bad)}"))
            elif len(known) < len(graph.upstream[stage]):
                continue
            elif stage in stale or any(result.outcome is not Outcome.UNCHANGED for result in known):
                ready.append(stage)
            else:
                settle(Result(stage, Outcome.UNCHANGED))
        return ready

    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="stage") as pool:
        try:
            while waiting or running:
                ready = next_ready()
                workers = max(1, jobs // max(1, len(running) + len(ready)))
                for stage in ready[: jobs - len(running)]:
                    waiting.remove(stage)
                    running.add(stage)
                    pool.submit(execute, stage, workers).add_done_callback(partial(announce, stage))
                if running:
                    stage, future = finished.get()
                    running.discard(stage)
                    settle(future.result())
        except BaseException:
            cancelled.set()
            raise
    return {stage: results[stage] for stage in graph.upstream}


def _is_transient(lines: list[str]) -> bool:
    """Whether DVC's own last word was of a lock or a remote."""
    return bool(lines) and lines[-1].startswith("ERROR") and bool(_RETRIED.search(lines[-1]))


def _result(stage: str, ended: Ended, seconds: float, log: Path) -> Result:
    if ended.why == "cancelled":
        return Result(stage, Outcome.CANCELLED, seconds, "cancelled", 1)
    if ended.why == "timeout":
        return Result(stage, Outcome.FAILED, seconds, f"took longer than its limit of {seconds:.0f} s and was ended", 1)
    if ended.code == 0:
        return Result(stage, _outcome(ended.lines), seconds)
    own = [line for line in ended.lines if not _DVC_CHATTER.match(line)]
    error = ended.lines[-1] if ended.lines else ""
    exited = re.search(r"^ERROR.* exited with (-?\d+)", error)
    code = int(exited[1]) if exited else 1
    # A command that failed has said why; otherwise it is DVC that failed, before or after it.
    words = own if exited and own else [error or f"ended with exit code {ended.code}"]
    last = "\n".join(words[-_SHOWN_LINES:])
    return Result(stage, Outcome.FAILED, seconds, f"{last}\n(log: {STATE}/{_below_state(log)})", 2 if code == 2 else 1)


def _outcome(lines: list[str]) -> Outcome:
    if any(line.startswith("Running stage '") for line in lines):
        return Outcome.COMPLETED
    if any(line.startswith("Stage '") and "is cached - skipping run" in line for line in lines):
        return Outcome.RESTORED
    if any("didn't change, skipping" in line for line in lines):
        return Outcome.UNCHANGED
    return Outcome.COMPLETED


def _below_state(log: Path) -> str:
    parts = log.parts
    return "/".join(parts[parts.index(STATE) + 1 :]) if STATE in parts else log.name
