"""The learning rate over the steps of a fit, and of each stage of its network."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "one_cycle"]
FIRST = 1 / 25  # of the peak: where one_cycle begins, as `torch.optim.lr_scheduler.OneCycleLR` has it
LAST = FIRST / 1e4  # where it ends


def rate(schedule: Schedule, step: int, steps: int, warm_up: float) -> float:
    """The learning rate of a step, as a share of the peak.

    Parameters
    ----------
    schedule
        ``cosine``: up along a line from the first step's share, down to 0 along half a cosine (Loshchilov and Hutter
        2017). ``one_cycle``: up and down along half cosines, from 1/25 and to 1/250,000 (Smith and Topin 2018).
    step
        0 to steps - 1.
    steps
        Number of steps.
    warm_up
        Share of the steps in which the rate rises, 0 to below 1.
    """
    if schedule == "cosine":
        rising = round(warm_up * steps)
        if step < rising:
            return (step + 1) / (rising + 1)
        return (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2
    peak = warm_up * steps - 1
    if step <= peak:
        return _between(FIRST, 1.0, step / peak if peak > 0 else 1.0)
    return _between(1.0, LAST, (step - max(peak, 0)) / max(steps - 1 - max(peak, 0), 1))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def stage_factors(stages: int, frozen: int, decay: float) -> list[float]:
    """The rate of each stage as a share of the classifier's: ``decay`` to the power of its distance from it.

    0 for the first `frozen`. (Howard and Ruder, ULMFiT, ACL 2018, who call it discriminative fine-tuning.)
    """
    return [0.0 if number < frozen else decay ** (stages - number) for number in range(stages)]
