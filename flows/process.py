"""Child processes that never outlive the run: own process group, streamed output, time-out, cancellation."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.reproduce import LIFELINE

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
        What it printed, standard output and error together: the first and the last lines, if there were many.
    why
        Empty, ``timeout`` or ``cancelled`` if it was ended by us.
    """

    code: int
    lines: list[str]
    why: str = ""


def run_child(
    command: list[str],
    *,
    root: Path,
    environment: dict[str, str],
    log: Path,
    on_line: Callable[[str], None],
    cancelled: threading.Event,
    timeout: float | None = None,
) -> Ended:
    """Run `command` in `root` until it ends, its time is over, or `cancelled` is set.

    Each line of its output goes to `on_line` and to the file `log` at once. The child leads a process group, which is
    ended as a whole; it also holds the reading end of a lifeline pipe, so that it ends when this process dies.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    try:
        child = subprocess.Popen(
            command,
            cwd=root,
            env={**environment, LIFELINE: str(reading)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            start_new_session=True,
            pass_fds=(reading,),
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    first: list[str] = []
    last: deque[str] = deque(maxlen=KEPT_LINES)

    def read() -> None:
        assert child.stdout is not None
        with log.open("a", encoding="utf-8") as file:
            for raw in child.stdout:
                line = raw.rstrip("\n")
                file.write(line + "\n")
                file.flush()
                (first if len(first) < KEPT_LINES else last).append(line)
                on_line(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    why = ""
    try:
        why = _wait(child, cancelled, timeout)
    finally:
        end_group(child)
        reader.join(GRACE_SECONDS)
        os.close(writing)
    return Ended(child.returncode, [*first, *last], why)


def _wait(child: subprocess.Popen[str], cancelled: threading.Event, timeout: float | None) -> str:
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = 0.01
    while child.poll() is None:
        if cancelled.wait(pause):
            return "cancelled"
        if deadline is not None and time.monotonic() > deadline:
            return "timeout"
        pause = min(pause * 1.5, 0.2)
    return ""


def end_group(child: subprocess.Popen[str]) -> None:
    """End every process of the child's group: first asked, then, after a grace, made to."""
    for number, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        if not _signal_group(child.pid, number):
            break
        until = time.monotonic() + patience
        while time.monotonic() < until:
            child.poll()
            if not _signal_group(child.pid, 0):
                break
            time.sleep(0.02)
    child.wait()


def _signal_group(group: int, number: int) -> bool:
    """Signal the group; say whether any process of it was there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group that only holds zombies
        return False
    return True
