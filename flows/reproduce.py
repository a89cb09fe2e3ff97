"""One stage in a process of its own: ``python -m flows.reproduce STAGE [--force]``, in the project's folder.

Does what ``dvc --wait-for-lock repro --single-item STAGE`` does, without the command line's start-up time, and ends its whole process group when the process that
started it is gone, however it ended: a lifeline pipe, whose other end only the runner holds, reports that by closing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

LIFELINE = "EQUIPOISE_LIFELINE"


def watch_lifeline(descriptor: int) -> None:
    """End this process group once the other end of the pipe `descriptor` is closed."""
    os.read(descriptor, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def leave(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that DVC lets go of its locks."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run one stage through DVC; returns 0, or 1 after an error, which is told in a line that starts with ERROR."""
    signal.signal(signal.SIGTERM, leave)
    lifeline = os.environ.pop(LIFELINE, None)
    if lifeline is not None:
        threading.Thread(target=watch_lifeline, args=(int(lifeline),), daemon=True).start()

    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    from flows.graph import error_chain

    stage, *options = sys.argv[1:]
    try:
        with Repo(_wait_for_lock=True) as repo:
            repo.reproduce([stage], single_item=True, force="--force" in options)
    except DvcException as error:
        sys.stderr.write(f"ERROR: {error_chain(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
