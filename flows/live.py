"""The lines at the bottom of a terminal while a run goes on: one a running stage, with the time that is left."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tasks.progress import Step


class LiveLines:
    """What runs, as lines that are drawn again and again.

    Parameters
    ----------
    total
        How many stages the run has.
    took
        Seconds that stages took when they last ran.
    """

    def __init__(self, total: int = 0, took: Mapping[str, float] | None = None) -> None:
        self._total = total
        self._took = took or {}
        self._begun = time.monotonic()
        self._ended = 0
        self._running: dict[str, _Running] = {}

    def start(self, stage: str) -> None:
        """Draw a line for a stage."""
        self._running[stage] = _Running(self._took.get(stage))

    def hear(self, stage: str, step: Step | None) -> None:
        """Take how far a stage is; None once it has gone on to something else."""
        if stage in self._running:
            self._running[stage].hear(step)

    def end(self, stage: str) -> None:
        """Draw no line for a stage any more."""
        self._ended += 1
        self._running.pop(stage, None)

    def __rich__(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for _ in range(3):
            table.add_column(no_wrap=True, overflow="crop")
        for stage, one in [*self._running.items()]:
            table.add_row(Text(stage, "bold"), Text(_clock(one.seconds), "bright_black"), Text(one.words()))
        if self._total:
            done = f"{self._ended} of {self._total} stages"
            table.add_row(Text(done, "bright_black"), Text(_clock(time.monotonic() - self._begun), "bright_black"), "")
        return table


class _Running:
    """One stage that runs."""

    def __init__(self, took: float | None) -> None:
        self._took = took
        self._begun = self._heard = time.monotonic()
        self._step: Step | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def hear(self, step: Step | None) -> None:
        self._step, self._heard = step, time.monotonic()

    def words(self) -> str:
        """How far it is, with the seconds that are left now; or what it took the last time."""
        step = self._step
        if step is None:
            return f"took {self._took:.0f} s last time" if self._took else ""
        left = None if step.left is None else max(0.0, step.left - (time.monotonic() - self._heard))
        return str(Step(step.done, step.total, step.what, left))


def _clock(seconds: float) -> str:
    """``1:05``, or ``1:02:03`` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
