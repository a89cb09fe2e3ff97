"""What is said of diffusion: the network, how long it learns, and how images are made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.registry import OneOf, refused
from tasks.synthesize.generators import Generator
from tasks.synthesize.networks import Denoiser
from tasks.synthesize.networks.patches import Patches


class Settings(Generator):
    """The settings of the generator `diffusion`; each says what it is."""

    network: Annotated[Denoiser, OneOf()] = Field(
        default_factory=lambda: Patches.model_validate({}), description="The network, with its settings."
    )
    minutes: float = Field(
        20.0, gt=0, le=100_000, description="Of training, all folds together, on two cores as of 2024; sets the steps."
    )
    steps: int | None = Field(
        None, ge=1, le=100_000_000, description="Optimiser steps of each fold's model; null: as many as minutes allow."
    )
    batch_size: int = Field(64, ge=1, le=4096, description="Images a step.")
    learning_rate: float = Field(0.001, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.01, ge=0, le=10, description="Of matrices and convolutions.")
    average: float = Field(0.999, ge=0, lt=1, description="Decay of the moving average of the weights, a step.")
    changed: float = Field(
        0.12,
        ge=0,
        le=1,
        description="Probability of each change (mirrored, turned, shifted) that it is told of; 0: none.",
    )
    sampling_steps: int = Field(25, ge=1, le=1000, description="Steps in which an image is made.")
    guidance: float = Field(
        2.5, ge=1, le=20, description="How strongly images are pushed towards their class; 1: not beyond the model."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of what is computed; bfloat16 is faster on processors that have it."
    )
    threads: int = Field(1, ge=1, le=256, description="Of one fit; more serve where there are fewer fits than cores.")

    @model_validator(mode="after")
    def _fits_the_network(self) -> Settings:
        multiple = self.network.multiple
        if self.image_size % multiple:
            raise refused(
                f"image_size: {self.image_size} is no multiple of {multiple}, which the network "
                f"{self.network.name!r} needs; write {max(1, self.image_size // multiple) * multiple}"
            )
        return self
