"""How many multiplications a step of both networks takes, and so how many steps a budget of minutes buys."""

from __future__ import annotations

import torch

from tasks.synthesize.adversarial.networks import TOGETHER
from tasks.synthesize.adversarial.settings import Settings
from tasks.synthesize.adversarial.training import networks
from tasks.synthesize.effort import multiplications, steps_within

MAKING = 3  # forward passes of the generator that a step is worth, an image: forwards, and backwards twice that
JUDGING = (
    8.5  # of the discriminator: it learns from two images (6), tells the generator (2), and its slope is held down
)


def steps_of(settings: Settings, fits: int) -> int:
    """Steps of each of so many fits that `Settings.minutes` allow for, at least 1."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        maker, judge = networks(settings, 3, 1)
        labels = torch.zeros(TOGETHER, dtype=torch.int64)
        making = multiplications(maker, torch.zeros(TOGETHER, settings.noise), labels)
        judging = multiplications(judge, maker(torch.zeros(TOGETHER, settings.noise), labels), labels)
    a_step = settings.batch_size * (MAKING * making + JUDGING * judging)
    return steps_within(settings.minutes, fits, a_step)
