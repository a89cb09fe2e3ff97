"""Child processes that never outlive the run: own process group, streamed output, time-out, cancellation."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from flows.lifeline import LIFELINE
from flows.masking import masked

GRACE_SECONDS = 5.0
KEPT_LINES = 200


@dataclass(frozen=True)
class Ended:
    """How a child process ended.

    Attributes
    ----------
    code
        Exit code; negative for a signal.
    lines
        What it printed, its standard output before its standard error, which says why it failed: of each the first and
        the last lines, if there were many.
    why
        Empty, ``timeout`` or ``cancelled`` if it was ended by us.
    """

    code: int
    lines: list[str]
    why: str = ""


class Child:
    """A process that leads a group of its own and is tied to this one by a lifeline pipe.

    Parameters
    ----------
    command
        Must run `flows.lifeline.hold_lifeline`.
    root
        The folder in which it runs.
    environment
        All of its environment.
    errors_apart
        Whether its standard error is read by itself, as `errors`, or as part of its standard output.
    """

    def __init__(
        self, command: list[str], root: Path, environment: Mapping[str, str], errors_apart: bool = False
    ) -> None:
        reading, self._writing = os.pipe()
        try:
            self.process = subprocess.Popen(
                command,
                cwd=root,
                env={**environment, LIFELINE: str(reading)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if errors_apart else subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                bufsize=1,
                start_new_session=True,
                pass_fds=(reading,),
            )
        except BaseException:
            os.close(self._writing)
            raise
        finally:
            os.close(reading)

    def lines(self) -> Iterator[str]:
        """What it prints, line by line until it ends, without passwords."""
        return _lines_of(self.process.stdout)

    def errors(self) -> Iterator[str]:
        """What it prints to its standard error, where that is read apart."""
        return _lines_of(self.process.stderr)

    def end(self) -> None:
        """End every process of the group: first asked, then, after a grace, made to."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not _signal_group(self.process.pid, number):
                break
            until = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < until:
                self.process.poll()
                if not _alive(self.process.pid):
                    break
                time.sleep(0.02)
        self.process.wait()

    def release(self) -> None:
        """Let go of the lifeline, once the child has ended."""
        os.close(self._writing)


@dataclass
class _Kept:
    """The first and the last of many lines."""

    first: list[str] = field(default_factory=list)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))

    def add(self, line: str) -> None:
        (self.first if len(self.first) < KEPT_LINES else self.last).append(line)


def run_child(
    command: list[str],
    *,
    root: Path,
    environment: Mapping[str, str],
    log: Path,
    on_line: Callable[[str], None],
    cancelled: threading.Event,
    timeout: float | None = None,
) -> Ended:
    """Run `command` in `root` until it ends, its time is over, or `cancelled` is set.

    Each line goes to the file `log` at once, and those of the standard output to `on_line`. On the standard error stand
    warnings of libraries, which nobody has to see, and errors, which the caller tells when the command has failed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    child = Child(command, root, environment, errors_apart=True)
    told, errors = _Kept(), _Kept()
    broken: list[Exception] = []

    def read(lines: Iterator[str], kept: _Kept, tell: Callable[[str], None]) -> None:
        for line in lines:
            kept.add(line)
            try:
                add_line(log, line)
                tell(line)
            except Exception as error:  # a full disk or a closed terminal; the child must not wait for a reader
                broken.append(error)

    each = ((child.lines(), told, on_line), (child.errors(), errors, lambda _: None))
    readers = [threading.Thread(target=read, args=one, daemon=True) for one in each]
    for reader in readers:
        reader.start()
    why = ""
    try:
        why = _wait(child.process, cancelled, timeout)
    finally:
        child.end()
        for reader in readers:
            reader.join(GRACE_SECONDS)
        child.release()
    if broken:
        raise broken[0]
    return Ended(child.process.returncode, [*told.first, *told.last, *errors.first, *errors.last], why)


def add_line(log: Path, line: str) -> None:
    """Add a line to a log file, which appears with its first one."""
    with log.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _lines_of(stream: IO[str] | None) -> Iterator[str]:
    assert stream is not None
    for line in stream:
        yield masked(line.rstrip("\n"))


def _wait(child: subprocess.Popen[str], cancelled: threading.Event, timeout: float | None) -> str:
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = 0.01
    while child.poll() is None:
        if cancelled.wait(pause):
            return "cancelled"
        if deadline is not None and time.monotonic() > deadline:
            return "timeout"
        pause = min(pause * 1.5, 0.05)
    return ""


def _alive(group: int) -> bool:
    """Whether a process of the group still runs; zombies, which remain where nothing reaps orphans, don't count."""
    if not _signal_group(group, 0):
        return False
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


def _signal_group(group: int, number: int) -> bool:
    """Signal the group; say whether any process of it was there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group that only holds zombies
        return False
    return True
