"""What a fit writes while it goes on: where it stands, to go on from there, and what a person may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True)
class Moment:
    """How far one fit is.

    Attributes
    ----------
    step, steps
        The number of the optimiser step, from 1, and how many the fit has.
    losses
        Mean of each loss since the moment before, by its name; one that is alone is called ``loss``.
    """

    step: int
    steps: int
    losses: dict[str, float]


def _unseen(_: Moment) -> None:
    """For a fit that nobody watches."""


def _unshown(_: int, __: NDArray[np.uint8]) -> None:
    """For a fit whose images nobody looks at."""


@dataclass(frozen=True)
class Journal:
    """What a generator may do while it is fitted, beside being fitted.

    Attributes
    ----------
    folder
        Where the fit keeps its checkpoint, its own alone; None: nowhere. It is there.
    pause
        Seconds between two checkpoints, at least; when one is written changes nothing but what a killed fit loses.
    told
        Takes each `Moment`: a few hundred over a fit, since each is a line of a log.
    shown
        Takes the number of the step and images, uint8, (n, side, side, 3), that the model makes by then: the same
        n <= 16 wishes every time, a handful of times over a fit.
    """

    folder: Path | None = None
    pause: float = CHECKPOINT_SECONDS
    told: Callable[[Moment], None] = _unseen
    shown: Callable[[int, NDArray[np.uint8]], None] = _unshown

    def heard_by(self, another: Callable[[Moment], None]) -> Journal:
        """One whose moments another hears as well."""

        def both(moment: Moment) -> None:
            self.told(moment)
            another(moment)

        return replace(self, told=both)


ALONE = Journal()
