"""One stage in a process of its own: ``python -m flows.reproduce STAGE RESULT [--force]``, in the project's folder.

Does what ``dvc --wait-for-lock repro --single-item STAGE`` does, without the command line's start-up time, and writes
what became of it into the file RESULT; of DVC only warnings are heard. The stage ends when the runner does.
"""

from __future__ import annotations

import logging
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from flows.errors import error_chain
from flows.lifeline import hold_lifeline
from flows.outcomes import Outcome
from flows.reproduced import ErrorKind, Reproduced, write_reproduced

INPUT_IS_WRONG = 2  # the exit code by which a command says so


def reproduce(stage: str, *, force: bool = False) -> Reproduced:
    """Bring one stage of the project in the current folder up to date through DVC; what it waits for must be."""
    from dvc.exceptions import DvcException
    from dvc.logger import set_loggers_level
    from dvc.repo import Repo

    from flows.lock_writing import write_locks_so

    write_locks_so()
    _let_errors_keep_exit_codes()
    try:
        with set_loggers_level(logging.WARNING), Repo(_wait_for_lock=True) as repo:
            restored = _watch_run_cache(repo)
            ran = repo.reproduce([stage], single_item=True, force=force)
    except DvcException as error:
        return failure(error)
    if ran and not restored:
        return Reproduced(Outcome.COMPLETED, peak_memory=_peak_memory())
    return Reproduced(Outcome.RESTORED if restored else Outcome.UNCHANGED)


def failure(error: BaseException) -> Reproduced:
    """What an exception of DVC says, told by the types of it and of its causes."""
    from dvc.exceptions import FileTransferError, HTTPError
    from dvc.lock import LockError
    from dvc.stage.exceptions import StageCmdFailedError

    kind, code = ErrorKind.OTHER, 0
    for one in _causes(error):
        if isinstance(one, StageCmdFailedError):
            code = getattr(one, "exit_code", None) or 1
            kind = ErrorKind.INPUT if code == INPUT_IS_WRONG else ErrorKind.COMMAND
        elif isinstance(one, LockError | FileTransferError | HTTPError | ConnectionError | TimeoutError):
            kind = ErrorKind.TRANSIENT
    return Reproduced(Outcome.FAILED, kind, code, error_chain(error))


def _peak_memory() -> int:
    """The largest resident memory of any one process that has ended below this one, bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _watch_run_cache(repo: Any) -> list[str]:
    """The addresses of the stages whose outputs DVC takes from its run cache from now on."""
    restore, restored = repo.stage_cache.restore, list[str]()

    def watched(stage: Any, *args: Any, **options: Any) -> None:
        restore(stage, *args, **options)  # raises if it has nothing
        restored.append(stage.addressing)

    repo.stage_cache.restore = watched
    return restored


def _let_errors_keep_exit_codes() -> None:
    """Let DVC's error of a failed command know the exit code, which DVC writes into the message only."""
    from dvc.stage.exceptions import StageCmdFailedError

    plain = StageCmdFailedError.__init__

    def keeping(self: Any, cmd: Any, status: int | None = None) -> None:
        plain(self, cmd, status)
        self.exit_code = status

    StageCmdFailedError.__init__ = keeping


def _leave(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that DVC lets go of its locks."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run one stage and write what became of it; returns 0, or 1 after a failure."""
    signal.signal(signal.SIGTERM, _leave)
    hold_lifeline()
    stage, result, *options = sys.argv[1:]
    reproduced = reproduce(stage, force="--force" in options)
    write_reproduced(Path(result), reproduced)
    return 0 if reproduced.outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
