"""One stage in a process of its own: ``python -m flows.reproduce STAGE [--force]``, in the project's folder.

Does what ``dvc --wait-for-lock repro --single-item STAGE`` does, without the command line's start-up time; the stage
ends when the runner does.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

from flows.lifeline import hold_lifeline


def leave(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that DVC lets go of its locks."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run one stage through DVC; returns 0, or 1 after an error, which is told in a line that starts with ERROR."""
    signal.signal(signal.SIGTERM, leave)
    hold_lifeline()

    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    from flows.atomic import make_dvc_atomic
    from flows.errors import error_chain

    make_dvc_atomic()
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
