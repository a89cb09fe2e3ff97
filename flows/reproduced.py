"""What DVC did about a stage, as data: written by the stage's process (`flows.reproduce`), read by who started it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from flows.outcomes import Outcome
from tasks.files import read_json, write_json


class ErrorKind(StrEnum):
    """Why a stage could not be brought up to date."""

    TRANSIENT = "transient"  # a lock was held, or a remote did not answer: the same again may work
    INPUT = "input"  # its command says, by exit code 2, that its input is wrong
    COMMAND = "command"  # its command failed
    OTHER = "other"  # DVC itself, before or after the command


@dataclass(frozen=True)
class Reproduced:
    """What DVC did about one stage.

    Attributes
    ----------
    outcome
        Completed, restored, unchanged or failed.
    error
        The kind of error, for a failure.
    exit_code
        That of the stage's command, if it failed; negative for a signal.
    message
        DVC's own, for a failure.
    peak_memory
        The largest resident memory of any one of the processes of its command, bytes; None if it did not run.
    """

    outcome: Outcome
    error: ErrorKind | None = None
    exit_code: int = 0
    message: str = ""
    peak_memory: int | None = None

    @property
    def command_failed(self) -> bool:
        """Whether it was the stage's command that failed, which has said why in what it printed."""
        return self.error in (ErrorKind.INPUT, ErrorKind.COMMAND)


def write_reproduced(path: Path, reproduced: Reproduced) -> None:
    """Write it as JSON, whole or not at all."""
    write_json(path, asdict(reproduced))


def read_reproduced(path: Path) -> Reproduced | None:
    """What `write_reproduced` wrote; None if the process ended before it did."""
    if not path.is_file():
        return None
    content = read_json(path)
    error = ErrorKind(content["error"]) if content["error"] else None
    return Reproduced(**content | {"outcome": Outcome(content["outcome"]), "error": error})
