"""Running one stage: in a process of its own, within its time, again if a lock or a remote did not answer."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from flows.environment import child_environment
from flows.failures import result_of
from flows.outcomes import Result
from flows.process import Ended, run_child
from flows.reproduced import ErrorKind, Reproduced, read_reproduced

ATTEMPTS = 3


@dataclass
class StageRunner:
    """Runs stages of the DVC project at `root`, each in a process of its own.

    It knows nothing of images, and nothing of Prefect.

    Attributes
    ----------
    root
        The project's folder.
    logs
        Folder for two files a stage: its log, and what DVC did about it as JSON.
    forced
        Stages to run even if nothing changed.
    timeout
        Seconds after which a stage is ended and counts as failed.
    on_line
        Called with a stage's address and each line that the stage prints for people, on its standard output. Warnings
        of libraries stand in its log.
    cancelled
        Set it to end the stages that run.
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
        for attempt in range(1, ATTEMPTS + 1):
            ended, reproduced = self._reproduce(stage, workers)
            transient = reproduced is not None and reproduced.error is ErrorKind.TRANSIENT
            if ended.why or attempt == ATTEMPTS or not transient:
                break
            self.on_line(stage, f"DVC's lock or remote did not answer; attempt {attempt + 1} of {ATTEMPTS} follows")
            if self.cancelled.wait(float(attempt)):
                ended = replace(ended, why="cancelled")
                break
        return result_of(stage, ended, reproduced, time.monotonic() - start, self._file(stage, "log"))

    def _reproduce(self, stage: str, workers: int) -> tuple[Ended, Reproduced | None]:
        log, result = self._file(stage, "log"), self._file(stage, "json")
        result.unlink(missing_ok=True)
        ended = run_child(
            [sys.executable, "-m", "flows.reproduce", stage, str(result), *["--force"] * (stage in self.forced)],
            root=self.root,
            environment=child_environment(workers),
            log=log,
            on_line=lambda line: self.on_line(stage, line),
            cancelled=self.cancelled,
            timeout=self.timeout,
        )
        reproduced = read_reproduced(result)
        if reproduced and reproduced.error and not reproduced.command_failed:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"ERROR: {reproduced.message}\n")
        return ended, reproduced

    def _file(self, stage: str, suffix: str) -> Path:
        return self.logs.absolute() / f"{stage.replace('/', '_')}.{suffix}"
