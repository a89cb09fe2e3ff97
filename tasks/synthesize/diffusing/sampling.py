"""Images from noise, by the network: diffusers' Euler steps along the flow, guided towards the class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.synthesize.batches import in_batches
from tasks.synthesize.diffusing.changing import NUMBERS
from tasks.synthesize.diffusing.settings import Settings
from tasks.synthesize.generators import Wanted
from tasks.torchvision import mend_torchvision


@dataclass(frozen=True)
class Sampler:
    """Makes images.

    Attributes
    ----------
    settings
        Say in how many steps, and how strongly guided.
    network
        As `Denoiser.build` has it.
    no_class
        What stands for no class named.
    shape
        Of an image: height, width, channels.
    """

    settings: Settings
    network: nn.Module
    no_class: int
    shape: tuple[int, ...]

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[NDArray[np.uint8]]:
        """Images, uint8, (height, width, 3), one an entry, each from noise of its own."""
        return in_batches(wanted, self._made)

    @torch.inference_mode()
    def _made(self, batch: list[Wanted]) -> Tensor:
        mend_torchvision()
        from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

        schedule = FlowMatchEulerDiscreteScheduler()
        schedule.set_timesteps(self.settings.sampling_steps)
        height, width, channels = self.shape
        noise = [
            torch.randn((channels, height, width), generator=torch.Generator().manual_seed(one.seed)) for one in batch
        ]
        picture = torch.stack(noise)
        labels = torch.tensor([one.label for one in batch])
        for moment in schedule.timesteps:
            share = moment / schedule.config.num_train_timesteps
            picture = schedule.step(self._direction(picture, share, labels), moment, picture).prev_sample
        return picture

    def _direction(self, picture: Tensor, share: Tensor, labels: Tensor) -> Tensor:
        """Towards the noise, guided: beyond what the class makes of what no class would (Ho and Salimans 2022)."""
        guidance = self.settings.guidance
        named = torch.cat([labels, torch.full_like(labels, self.no_class)]) if guidance != 1 else labels
        pictures = torch.cat([picture, picture]) if guidance != 1 else picture
        told = share.expand(len(pictures))
        with torch.autocast("cpu", torch.bfloat16, self.settings.precision == "bfloat16"):
            found: Tensor = self.network(pictures, told, named, torch.zeros(len(pictures), NUMBERS)).float()
        if guidance == 1:
            return found
        towards, free = found.chunk(2)
        return free + guidance * (towards - free)
