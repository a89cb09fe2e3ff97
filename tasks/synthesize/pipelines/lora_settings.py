"""How a checkpoint is tuned to the examples (`tasks.synthesize.pipelines.lora`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Lora(BaseModel):
    """A fine-tuning of a few weights beside those of a checkpoint (Hu et al. 2022)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    rank: int = Field(4, ge=1, le=256, description="Rank of what is added to each matrix of attention.")
    steps: int = Field(200, ge=1, le=1_000_000, description="Optimiser steps of each fit.")
    learning_rate: float = Field(0.0001, gt=0, le=1, description="Learning rate of AdamW.")
    batch_size: int = Field(4, ge=1, le=1024, description="Images a step.")
