"""What is said of the two networks and of how they learn from each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tasks.registry import refused
from tasks.synthesize.scratch import FromScratch

MULTIPLE, LEAST, MOST = 4, 16, 128  # of an image's side


class Settings(FromScratch):
    """The settings of the generator `gan`; each says what it is."""

    batch_size: int = Field(
        32, ge=4, le=4096, multiple_of=4, description="Examples a step, and as many images that were made."
    )
    learning_rate: float = Field(0.002, gt=0, le=1, description="Of the network that makes images, by Adam.")
    judge_rate: float = Field(0.004, gt=0, le=1, description="Learning rate of the network that judges them.")
    slope: float = Field(
        0.1, ge=0, le=1000, description="How strongly the judge's slope at examples is held down (gamma of R1)."
    )
    augment: list[Literal["colour", "translation", "cutout"]] = Field(
        ["colour", "translation", "cutout"],
        description="How images are changed before they are judged, examples as well as those that were made.",
    )
    patch: Literal[1, 2, 4] = Field(2, description="Pixels a side of a patch; 4 is faster where images are large.")
    width: int = Field(32, ge=8, le=512, multiple_of=8, description="Channels of the largest maps, of both networks.")
    noise: int = Field(64, ge=2, le=1024, description="Numbers of which an image is made, beside its class.")
    truncation: float = Field(
        1.0, gt=0, le=1, description="How far images are from the class's mean style; less: more typical, less varied."
    )

    @model_validator(mode="after")
    def _of_a_size_it_can_make(self) -> Settings:
        if self.image_size % MULTIPLE or not LEAST <= self.image_size <= MOST:
            fits = min(max(self.image_size // MULTIPLE * MULTIPLE, LEAST), MOST)
            raise refused(
                f"image_size: {self.image_size} is no multiple of {MULTIPLE} from {LEAST} to {MOST}, which the "
                f"generator 'gan' needs; write {fits}"
            )
        return self
