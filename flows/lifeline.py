"""Ends a process group when the process that started it is gone, however it ended.

The starter keeps the only writing end of a pipe; when that closes, reading it returns. ``python -m flows.lifeline
COMMAND...`` runs any command so.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

LIFELINE = "EQUIPOISE_LIFELINE"


def hold_lifeline() -> None:
    """Watch the pipe whose descriptor the environment names, if it names one, and end the group once it closes."""
    descriptor = os.environ.pop(LIFELINE, None)
    if descriptor is not None:
        threading.Thread(target=_watch, args=(int(descriptor),), daemon=True).start()


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    hold_lifeline()
    sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
