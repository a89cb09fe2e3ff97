"""How many multiplications a step of both networks takes."""

from __future__ import annotations

import torch

from tasks.synthesize.adversarial.networks import TOGETHER
from tasks.synthesize.adversarial.settings import Settings
from tasks.synthesize.adversarial.training import networks
from tasks.synthesize.effort import multiplications as of_network

MAKING = 3  # forward passes of the generator that a step is worth, an image: forwards, and backwards twice that
JUDGING = 8.5  # of the discriminator: learns from two images (6), tells the generator (2), its slope is held down


def multiplications(settings: Settings) -> float:
    """Of a step on images with three channels."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        maker, judge = networks(settings, 3, 1)
        labels = torch.zeros(TOGETHER, dtype=torch.int64)
        making = of_network(maker, torch.zeros(TOGETHER, settings.noise), labels)
        judging = of_network(judge, maker(torch.zeros(TOGETHER, settings.noise), labels), labels)
    return settings.batch_size * (MAKING * making + JUDGING * judging)
