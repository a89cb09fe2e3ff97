"""Long fits, followed while they run: of strategies and of generators, in the terminal, Prefect's log and MLflow.

A stage appends what it has to tell to a file (`tasks.train.epochs`, `tasks.synthesize.moments`) and knows of nobody who
reads it. What is shown here is for whoever waits; the curve that counts is an output of the stage, and is recorded at
the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tasks.synthesize.moments import Told, read_told, told_file
from tasks.train.epochs import Epoch, epochs_file, read_epochs

Line = Epoch | Told
POLL = 1.0  # seconds between two looks
LONG = 10.0  # seconds from which a fit is long: what is shorter is told and recorded once it is done
_LINES_A_STRETCH = 20  # a line as the time that went by grows by so large a part of itself

Show = Callable[[str, list[Line], int], None]
"""Takes a stage's address, lines of it, and how many came before them."""


@dataclass(frozen=True)
class _Kind:
    """How what a stage tells is found and read."""

    file: Callable[[Path, str], Path]
    read: Callable[[Path, int], tuple[Sequence[Line], int]]


KINDS = {"train": _Kind(epochs_file, read_epochs), "synthesize": _Kind(told_file, read_told)}


@dataclass
class _Fit:
    kind: _Kind
    file: Path
    begun: float
    told: float
    place: int = 0
    waiting: list[Line] = field(default_factory=list)
    shown: int = 0


class Followed:
    """Stages that run and have something to tell.

    Parameters
    ----------
    root
        The project's folder.
    hear
        Takes a stage's address and a line about it.
    show
        Takes what long fits tell as it comes, from a thread of its own.
    """

    def __init__(self, root: Path, hear: Callable[[str, str], None], show: Show) -> None:
        self._root = root
        self._hear = hear
        self._show = show
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._running: dict[str, _Fit] = {}
        self._thread = threading.Thread(target=self._follow, name="followed", daemon=True)

    def begin(self, stage: str) -> None:
        """Follow a stage, if it is one that tells; call before its process starts."""
        name, _, item = stage.partition("@")
        if name not in KINDS:
            return
        file = KINDS[name].file(self._root, item)
        with suppress(OSError):
            file.unlink(missing_ok=True)
        now = time.monotonic()
        with self._guard:
            self._running[stage] = _Fit(KINDS[name], file, now, now)
            if not self._thread.is_alive() and not self._over.is_set():
                self._thread.start()

    def end(self, stage: str) -> None:
        """Follow a stage no more; what is left of a long one is shown."""
        with self._guard:
            if fit := self._running.pop(stage, None):
                self._look(stage, fit)

    def close(self) -> None:
        """Follow nothing more, and wait until what was shown has arrived."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(POLL):
            with self._guard:
                for stage, fit in self._running.items():
                    self._look(stage, fit)

    def _look(self, stage: str, fit: _Fit) -> None:
        """Read what has come, and show it if the fit is long."""
        with suppress(OSError, ValueError, TypeError):  # what can't be read is not followed, and costs nothing else
            found, fit.place = fit.kind.read(fit.file, fit.place)
            fit.waiting += found
        now = time.monotonic()
        if now - fit.begun < LONG or not fit.waiting:
            return
        if now - fit.told >= max(LONG, (now - fit.begun) / _LINES_A_STRETCH):
            fit.told = now
            self._hear(stage, str(fit.waiting[-1]))
        self._show(stage, fit.waiting, fit.shown)
        fit.shown += len(fit.waiting)
        fit.waiting = []
