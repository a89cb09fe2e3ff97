"""What C libraries print on their own account: kept from the terminal, and heard where it says what is wrong."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.RLock()  # the standard error belongs to the whole process


@contextmanager
def printed() -> Iterator[list[str]]:
    """Lines that are written to the process's standard error while the block runs; they are there once it has ended.

    Nothing of it reaches the terminal or a log. The block should do no more than call the library.
    """
    lines = list[str]()
    with _ONE_AT_A_TIME:
        try:
            before = os.dup(2)
        except OSError:  # there is no standard error that anything could reach
            yield lines
            return
        try:
            with tempfile.TemporaryFile() as heard:
                if sys.stderr is not None:
                    sys.stderr.flush()
                os.dup2(heard.fileno(), 2)
                try:
                    yield lines
                finally:
                    os.dup2(before, 2)
                    heard.seek(0)
                    lines += heard.read().decode(errors="replace").splitlines()
        finally:
            os.close(before)
