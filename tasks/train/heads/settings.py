"""What can be set of a head; beside the family, so that the fitting knows it and need not know the family."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator


class Settings(BaseModel):
    """The settings of `tasks.train.families.head.Head`."""

    hidden: int = Field(0, ge=0, le=4096, description="Units of one hidden layer (ReLU); 0 is a linear classifier.")
    classifier: Literal["linear", "cosine"] = Field(
        "linear", description="The last layer: linear, or cosines to a direction a class, times a scale."
    )
    scale: float | None = Field(None, gt=0, le=1000, description="Of cosines, fixed; null: learnt, from 10 on.")
    steps: int = Field(
        320,
        ge=1,
        le=1_000_000,
        description="Optimiser steps of every fit: a recipe with more rows is not trained longer.",
    )
    batch_size: int = Field(256, ge=1, description="Rows an optimiser step.")
    learning_rate: float = Field(0.0015, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.1, ge=0, le=10, description="Decoupled weight decay of AdamW.")

    @model_validator(mode="after")
    def _scaled(self) -> Self:
        if self.scale is not None and self.classifier != "cosine":
            raise ValueError(f"scale {self.scale:g} is one of cosines; write classifier: cosine, or leave it out")
        return self
