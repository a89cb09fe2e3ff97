"""Long trainings, followed while they run: their epochs in the terminal, in Prefect's log and in MLflow.

A stage appends each epoch to a file (`tasks.train.epochs`) and knows of nobody who reads it. What is shown here is for
whoever waits; the curve that counts is an output of the stage, and is recorded at the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tasks.train.epochs import Epoch, epochs_file, read_epochs

STAGE = "train@"
POLL = 1.0  # seconds between two looks
LONG = 10.0  # seconds from which a training is long: what is shorter is told and recorded once it is done
_LINES_A_STRETCH = 20  # a line as the time that went by grows by so large a part of itself

Show = Callable[[str, list[Epoch], int], None]
"""Takes a strategy, epochs of it, and how many came before them."""


@dataclass
class _Training:
    file: Path
    begun: float
    told: float
    place: int = 0
    waiting: list[Epoch] = field(default_factory=list)
    shown: int = 0


class Followed:
    """Trainings that run.

    Parameters
    ----------
    root
        The project's folder.
    hear
        Takes a stage's address and a line about it.
    show
        Takes the epochs of long trainings as they come, from a thread of its own.
    """

    def __init__(self, root: Path, hear: Callable[[str, str], None], show: Show) -> None:
        self._root = root
        self._hear = hear
        self._show = show
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._running: dict[str, _Training] = {}
        self._thread = threading.Thread(target=self._follow, name="epochs", daemon=True)

    def begin(self, stage: str) -> None:
        """Follow a stage, if it is a training; call before its process starts."""
        if not stage.startswith(STAGE):
            return
        file = epochs_file(self._root, stage.removeprefix(STAGE))
        with suppress(OSError):
            file.unlink(missing_ok=True)
        now = time.monotonic()
        with self._guard:
            self._running[stage] = _Training(file, now, now)
            if not self._thread.is_alive() and not self._over.is_set():
                self._thread.start()

    def end(self, stage: str) -> None:
        """Follow a stage no more; what is left of a long one is shown."""
        with self._guard:
            if training := self._running.pop(stage, None):
                self._look(stage, training)

    def close(self) -> None:
        """Follow nothing more, and wait until what was shown has arrived."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(POLL):
            with self._guard:
                for stage, training in self._running.items():
                    self._look(stage, training)

    def _look(self, stage: str, training: _Training) -> None:
        """Read what has come, and show it if the training is long."""
        with suppress(OSError, ValueError, TypeError):  # what can't be read is not followed, and costs nothing else
            found, training.place = read_epochs(training.file, training.place)
            training.waiting += found
        now = time.monotonic()
        if now - training.begun < LONG or not training.waiting:
            return
        if now - training.told >= max(LONG, (now - training.begun) / _LINES_A_STRETCH):
            training.told = now
            self._hear(stage, str(training.waiting[-1]))
        self._show(stage.removeprefix(STAGE), training.waiting, training.shown)
        training.shown += len(training.waiting)
        training.waiting = []
