"""A class-conditional diffusion model, trained from scratch: no download, and no image seen but the fold's own.

A small U-Net learns to take noise from images (DDPM: Ho et al. 2020, with the cosine schedule of Nichol and Dhariwal
2021). One tenth of the labels are dropped while it learns, so that sampling can be guided towards a class
(classifier-free guidance: Ho and Salimans 2022). Images are made in few steps by DDIM (Song et al. 2021) with the
moving average of the weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from tasks.errors import InputError
from tasks.progress import say
from tasks.synthesize.generators import Examples, FittedGenerator, Generator, Synthetic, Wanted
from tasks.torchvision import mend_torchvision

if TYPE_CHECKING:
    from torch import Tensor

NOISE_STEPS = 1000  # of the forward process
# The network predicts the velocity (Salimans and Ho 2022), which stays well defined where nothing but noise is left.
SCHEDULE = {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}
DROPPED = 0.1  # share of the labels that are dropped, so that one model learns with and without a class
HALVED = 4  # the U-Net halves the picture twice
SAMPLED = 32  # images made at a time; short batches are padded, so that an image doesn't depend on the number made
AVERAGE = 0.999  # decay of the moving average of the weights
EVERY = 5.0  # seconds between two messages


class Diffusion(Generator):
    """DDPM training, DDIM sampling."""

    name: Literal["diffusion"] = "diffusion"
    steps: int = Field(1500, ge=1, le=10_000_000, description="Optimiser steps of each fold's model.")
    batch_size: int = Field(32, ge=1, le=4096, description="Images a step.")
    learning_rate: float = Field(0.0003, gt=0, le=1, description="Learning rate of AdamW.")
    width: int = Field(32, ge=8, le=1024, multiple_of=8, description="Channels of the widest picture in the U-Net.")
    sampling_steps: int = Field(25, ge=1, le=1000, description="Steps in which an image is made.")
    guidance: float = Field(
        2.0, ge=1, le=20, description="How strongly images are pushed towards their class; 1: not beyond the model."
    )

    def fit(self, examples: Examples, seed: int) -> FittedDiffusion:
        """Fit one U-Net to `examples`; one thread, no random state but its own."""
        import torch

        side = examples.pixels.shape[1]
        if side % HALVED:
            raise InputError(
                f"params.yaml: synthesize.image_size is {side}, but diffusion needs a multiple of {HALVED}, "
                f"for instance {side // HALVED * HALVED}"
            )
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            grey = bool((examples.pixels == examples.pixels[..., :1]).all())  # then new images have no tint either
            pixels = examples.pixels[..., :1] if grey else examples.pixels
            model = self._fit(pixels, examples, seed)
        return FittedDiffusion(self, model, len(examples.classes), pixels.shape[1:])

    def _network(self, side: int, channels: int, classes: int) -> Any:
        """A U-Net that halves the picture twice, with attention where it is smallest."""
        mend_torchvision()
        from diffusers.models.unets.unet_2d import UNet2DModel

        return UNet2DModel(
            sample_size=side,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=1,
            block_out_channels=(self.width, 2 * self.width, 2 * self.width),
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            attention_head_dim=8,
            norm_num_groups=8,
            num_class_embeds=classes + 1,  # the last one stands for "no class named"
        )

    def _fit(self, pixels: np.ndarray, examples: Examples, seed: int) -> Any:
        """Train on batches in which a class is drawn with the square root of its count (Kang et al. 2020)."""
        import torch

        mend_torchvision()
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
        from diffusers.training_utils import EMAModel

        generator = np.random.default_rng(seed)
        noise_source = torch.Generator().manual_seed(seed)
        counts = np.bincount(examples.labels, minlength=len(examples.classes))
        weights = 1 / np.sqrt(counts[examples.labels])
        weights /= weights.sum()
        images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
        labels = torch.from_numpy(examples.labels)
        no_class = len(examples.classes)

        model = self._network(pixels.shape[1], pixels.shape[3], len(examples.classes))
        schedule = DDPMScheduler(NOISE_STEPS, **SCHEDULE)
        average = EMAModel(model.parameters(), decay=AVERAGE, use_ema_warmup=True, power=0.75)
        optimizer = torch.optim.AdamW(model.parameters(), lr=self.learning_rate)
        start = last = time.monotonic()
        for step in range(1, self.steps + 1):
            drawn = torch.from_numpy(generator.choice(len(labels), size=self.batch_size, p=weights))
            dropped = torch.from_numpy(generator.random(self.batch_size) < DROPPED)
            times = torch.from_numpy(generator.integers(NOISE_STEPS, size=self.batch_size))
            clean = images[drawn].float() / 127.5 - 1
            noise = torch.randn(clean.shape, generator=noise_source)
            predicted = model(
                schedule.add_noise(clean, noise, times), times, torch.where(dropped, no_class, labels[drawn])
            ).sample
            loss = torch.nn.functional.mse_loss(predicted, schedule.get_velocity(clean, noise, times))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            average.step(model.parameters())
            now = time.monotonic()
            if now - last >= EVERY:
                last = now
                left = (now - start) / step * (self.steps - step)
                say(
                    f"fold {examples.fold}: {step:,} of {self.steps:,} steps, loss {loss.item():.4f}, {left:.0f} s left"
                )
        average.copy_to(model.parameters())
        return model.eval()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread in this block."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class FittedDiffusion(FittedGenerator):
    """A trained U-Net.

    Attributes
    ----------
    settings
        The generator's.
    model
        The network, with the moving average of its weights.
    no_class
        What stands for "no class named".
    shape
        Of an image: height, width, channels (1 where all examples are grey).
    """

    settings: Diffusion
    model: Any
    no_class: int
    shape: tuple[int, ...]

    def sample(self, wanted: list[Wanted]) -> list[Synthetic]:
        """See `FittedGenerator`; every image from noise of its own."""
        with one_thread():
            images = self._sampled(wanted)
        return [Synthetic(pixels if self.shape[2] == 3 else np.repeat(pixels, 3, axis=2)) for pixels in images]

    def _sampled(self, wanted: list[Wanted]) -> np.ndarray:
        """DDIM from each image's own noise; shape (len(wanted), *shape), uint8."""
        import torch

        mend_torchvision()
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        schedule = DDIMScheduler(NOISE_STEPS, timestep_spacing="trailing", **SCHEDULE)
        schedule.set_timesteps(self.settings.sampling_steps)
        height, width, channels = self.shape
        images = np.empty((len(wanted), *self.shape), dtype=np.uint8)

        @torch.inference_mode()
        def make(batch: list[Wanted]) -> Tensor:
            picture = torch.stack(
                [
                    torch.randn((channels, height, width), generator=torch.Generator().manual_seed(one.seed))
                    for one in batch
                ]
            )
            named = torch.tensor([one.label for one in batch])
            classes = torch.cat([named, torch.full_like(named, self.no_class)])
            for moment in schedule.timesteps:
                towards, free = self.model(torch.cat([picture, picture]), moment, classes).sample.chunk(2)
                picture = schedule.step(free + self.settings.guidance * (towards - free), moment, picture).prev_sample
            return picture

        last = time.monotonic()
        for first in range(0, len(wanted), SAMPLED):
            batch = wanted[first : first + SAMPLED]
            padded = batch + [batch[-1]] * (SAMPLED - len(batch))
            picture = make(padded)[: len(batch)].permute(0, 2, 3, 1)
            images[first : first + len(batch)] = ((picture + 1) * 127.5).round().clamp(0, 255).byte().numpy()
            if time.monotonic() - last >= EVERY:
                last = time.monotonic()
                say(f"{first + len(batch):,} of {len(wanted):,} images made")
        return images
