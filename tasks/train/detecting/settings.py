"""What a strategy says of the training of an autoencoder."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Settings(BaseModel):
    """The settings of the detector `autoencoder`; each says what it is."""

    image_size: int = Field(64, ge=16, le=512, multiple_of=8, description="Pixels a side that the network sees.")
    resize: Literal["squash", "letterbox"] = Field("squash", description="How an image becomes square.")
    error: Literal["mean", "largest"] = Field("largest", description="largest: a small place that is odd is enough.")
    width: int = Field(16, ge=1, le=256, description="Channels of the first layer; those inside have twice as many.")
    code: int = Field(8, ge=1, le=256, description="Numbers for each 8 by 8 pixels, of 192; fewer show more as odd.")
    steps: int = Field(300, ge=1, le=1_000_000, description="Optimiser steps of every fit.")
    batch_size: int = Field(16, ge=1, le=100_000, description="Images an optimiser step, at most.")
    learning_rate: float = Field(0.003, gt=0, le=1, description="Of the first step.")
    weight_decay: float = Field(0.0, ge=0, le=10, description="Of all weights but biases.")
