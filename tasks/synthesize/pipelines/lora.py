"""Low-rank fine-tuning of a checkpoint to the examples (LoRA: Hu et al. 2022), step by step, to go on at any of them.

Only what is added to the attention of the U-Net learns; the text encoder and the autoencoder stay as they are. The loss
is the checkpoint's own: the noise, or the velocity, that was put on an image. All chance comes from the seed and the
number of the step, and nothing is carried from one step to the next but what a checkpoint holds; so a fit that was
killed and goes on ends with the same bits as one that was not.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.closure import code_digest
from tasks.errors import InputError
from tasks.files import json_digest
from tasks.synthesize.fitting import bounded, tell
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.journal import ALONE, Journal
from tasks.synthesize.pipelines.drawing import FittedPipeline
from tasks.synthesize.pipelines.lora_settings import Lora
from tasks.synthesize.pipelines.memory import enough_memory
from tasks.train.divergence import has_diverged
from tasks.train.finetuning.checkpoints import Checkpoint
from tasks.train.finetuning.optimisers import Optimiser

TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]  # the matrices of attention, as diffusers calls them
PREDICTED = ("epsilon", "v_prediction")  # the noise, or the velocity
LATENT = 4  # channels of a latent picture; a U-Net with more also sees a mask
WEIGHT_DECAY = 0.01
PICTURES = 4  # times that images are shown over a fit
SHOWN = 4  # images that are shown at a time: each takes as long as one that is wanted


@dataclass(frozen=True)
class Training:
    """One fit.

    Attributes
    ----------
    settings
        Say how.
    fitted
        The pipeline, which gets what is tuned.
    examples
        What may be seen.
    seed
        Where all chance comes from.
    journal
        Where it keeps how far it is, and tells of it.
    """

    settings: Lora
    fitted: FittedPipeline
    examples: Examples
    seed: int
    journal: Journal

    def tuned(self) -> FittedPipeline:
        """Train, and give the pipeline that has learnt.

        Raises
        ------
        InputError
            The package `peft` is not installed, the checkpoint is of a kind that isn't tuned here, or memory runs out.
        """
        self._require_kind()
        self._add()
        for _ in self.run():
            pass
        weights = hashlib.sha256()
        for name, value in self.added.items():
            weights.update(name.encode() + b"\0" + value.detach().contiguous().numpy().tobytes())
        self.unet.requires_grad_(False)
        return replace(self.fitted, tuned=weights.hexdigest())

    def run(self) -> Iterator[int]:
        """Train; gives the number of each step, from 1, once it is made."""
        steps, folder = self.settings.steps, self.journal.folder
        key = self.key if folder else ""
        found = Checkpoint.read(folder, key) if folder else None
        if found:
            held = self.tensors
            with torch.no_grad():
                for name, value in found.tensors.items():
                    held[name].copy_(value)
        losses, written = found.losses if found else [], time.monotonic()
        for number in range(1, len(losses) + 1):  # as if it had never been ended
            tell(self.journal, number, steps, losses, ("loss",))
        show = max(1, steps // PICTURES)
        for number in range(len(losses) + 1, steps + 1):
            with enough_memory(self.fitted.starts.side):
                losses.append(self._step(number - 1))
            if has_diverged(losses):
                raise InputError(f"lora: the training has diverged at step {number:,}; write a smaller learning_rate")
            tell(self.journal, number, steps, losses, ("loss",))
            if folder and (number == steps or time.monotonic() - written >= self.journal.pause):
                Checkpoint(number, losses, self.tensors).write(folder, key)
                written = time.monotonic()
            if (number % show == 0 or number == steps) and self.journal.shown is not ALONE.shown:
                self._show(number)
            yield number

    @property
    def unet(self) -> Any:
        """The network that learns."""
        return self.fitted.pipeline.unet

    @cached_property
    def added(self) -> dict[str, Tensor]:
        """What learns, by name."""
        return {name: value for name, value in sorted(self.unet.named_parameters()) if value.requires_grad}

    @cached_property
    def optimiser(self) -> Optimiser:
        """Knows all that learns."""
        return Optimiser.of("adamw", self.added, dict.fromkeys(self.added, 1.0), WEIGHT_DECAY)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All that changes from step to step, by name; copies into them set the state."""
        moments = {f"moment.{name}": value for name, value in self.optimiser.moments.items()}
        return {f"added.{name}": value for name, value in self.added.items()} | moments

    @cached_property
    def key(self) -> str:
        """Tells this fit from every other: what it is made of, and with which code."""
        seen = hashlib.blake2b(np.ascontiguousarray(self.examples.pixels).tobytes()).hexdigest()
        return json_digest(
            {
                "settings": self.settings.model_dump(mode="json"),
                "checkpoint": self.fitted.checkpoint,
                "prompts": self.fitted.prompts,
                "images": [seen, self.examples.labels.tolist(), len(self.examples.classes)],
                "seed": self.seed,
                "code": code_digest({type(self).__module__}),
                "versions": {name: version(name) for name in ("torch", "numpy", "diffusers", "transformers", "peft")},
            }
        )

    @cached_property
    def schedule(self) -> Any:
        """How noise is put on images: by the checkpoint's own schedule, at any of its times."""
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

        return DDPMScheduler.from_config(self.fitted.pipeline.scheduler.config)

    @cached_property
    def texts(self) -> Tensor:
        """The prompts as the text encoder reads them, by the place of a class: shape (classes, tokens, width)."""
        with torch.no_grad():
            found: Tensor = self.fitted.pipeline.encode_prompt(self.fitted.prompts, torch.device("cpu"), 1, False)[0]
        return found

    def _require_kind(self) -> None:
        """Refuse what isn't tuned here."""
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        pipeline = self.fitted.pipeline
        unet = getattr(pipeline, "unet", None)
        is_known = isinstance(unet, UNet2DConditionModel) and unet.config.in_channels == LATENT
        if not is_known or hasattr(pipeline, "text_encoder_2") or self.schedule.config.prediction_type not in PREDICTED:
            raise InputError(
                f"lora: a {type(pipeline).__name__} is not tuned here, only checkpoints of the kind of Stable "
                "Diffusion 1 and 2 with four channels are; write lora: null, or name such a checkpoint"
            )

    def _add(self) -> None:
        """Put what learns beside the matrices of attention: at first it changes nothing."""
        try:
            from peft import LoraConfig
        except ImportError as error:
            raise InputError(
                f"lora needs the extra `lora` ({error}): pip install 'equipoise[lora]', or write lora: null"
            ) from error
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            rank = self.settings.rank
            self.unet.add_adapter(
                LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=TARGETS)
            )
        self.unet.enable_gradient_checkpointing()

    def _step(self, step: int) -> float:
        """One step; returns its loss."""
        chance = np.random.default_rng((self.seed, step))
        source = torch.Generator().manual_seed(int(chance.integers(2**62)))
        number = self.settings.batch_size
        rows = self.examples.drawn(number, chance)
        clean = self._latents(rows, source)
        noise = torch.randn(clean.shape, generator=source)
        schedule = self.schedule
        times = torch.from_numpy(chance.integers(schedule.config.num_train_timesteps, size=number))
        texts = self.texts[torch.from_numpy(self.examples.labels[rows])]
        found = self.unet(schedule.add_noise(clean, noise, times), times, texts).sample
        is_noise = schedule.config.prediction_type == "epsilon"
        meant = noise if is_noise else schedule.get_velocity(clean, noise, times)
        loss = torch.nn.functional.mse_loss(found, meant)
        gradients = torch.autograd.grad(loss, list(self.added.values()))
        self.optimiser.step(bounded(gradients), self.settings.learning_rate, step + 1)
        return loss.item()

    def _latents(self, rows: NDArray[np.int64], source: torch.Generator) -> Tensor:
        """Examples as the autoencoder sees them, drawn from what it finds likely."""
        images = torch.from_numpy(self.examples.pixels[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1
        vae = self.fitted.pipeline.vae
        with torch.no_grad():
            found: Tensor = vae.encode(images).latent_dist.sample(source) * vae.config.scaling_factor
        return found

    def _show(self, step: int) -> None:
        """Let a person see what the pipeline makes by now."""
        labels = self.examples.labels[self.fitted.starts.usable]
        classes = np.unique(labels)
        wanted = [Wanted(int(classes[place % len(classes)]), place) for place in range(SHOWN)]
        self.journal.shown(step, np.stack([one.pixels for one in self.fitted.sample(wanted)]))
