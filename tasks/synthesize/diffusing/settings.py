"""What is said of diffusion: the network, how long it learns, and how images are made."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from tasks.registry import Component, OneOf, refused
from tasks.synthesize.networks import Denoiser
from tasks.synthesize.networks.patches import Patches
from tasks.synthesize.scratch import FromScratch


class Settings(FromScratch):
    """The settings of the generator `diffusion`; each says what it is."""

    network: Annotated[Denoiser, OneOf()] = Field(
        default_factory=lambda: Patches.model_validate({}), description="The network, with its settings."
    )
    batch_size: int = Field(64, ge=1, le=4096, description="Images a step.")
    learning_rate: float = Field(0.001, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.01, ge=0, le=10, description="Of matrices and convolutions.")
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

    @property
    def components(self) -> tuple[Component, ...]:
        """See `FromScratch`."""
        return (self.network,)

    @model_validator(mode="after")
    def _fits_the_network(self) -> Settings:
        multiple = self.network.multiple
        if self.image_size % multiple:
            raise refused(
                f"image_size: {self.image_size} is no multiple of {multiple}, which the network "
                f"{self.network.name!r} needs; write {max(1, self.image_size // multiple) * multiple}"
            )
        return self
