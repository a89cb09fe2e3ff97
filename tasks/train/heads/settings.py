"""What can be set of a head; beside the family, so that the fitting knows it and need not know the family."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from tasks.registry import OneOf, refused
from tasks.train.last_layer import LastLayer
from tasks.train.second_stages import SecondStage
from tasks.train.second_stages.none import OneStage


class Settings(LastLayer):
    """The settings of `tasks.train.families.head.Head`."""

    hidden: int = Field(0, ge=0, le=4096, description="Units of one hidden layer (ReLU); 0 is a linear classifier.")
    steps: int = Field(
        320,
        ge=1,
        le=1_000_000,
        description="Optimiser steps of every fit: a recipe with more rows is not trained longer.",
    )
    batch_size: int = Field(256, ge=1, description="Rows an optimiser step.")
    learning_rate: float = Field(
        0.0015,
        gt=0,
        le=10,
        description="Peak learning rate of AdamW; chosen inside the folds (tune) if it isn't written.",
    )
    weight_decay: float = Field(
        0.1, ge=0, le=1000, description="Decoupled weight decay of AdamW; chosen inside the folds if it isn't written."
    )

    second_stage: Annotated[SecondStage, OneOf()] = Field(
        default_factory=OneStage, description="What is done to the last layer once all rows were learnt from."
    )

    @model_validator(mode="after")
    def _on_one_linear_layer(self) -> Self:
        """Refuse second stages that make no sense here."""
        stage = self.second_stage
        name = f"second_stage: {{name: {stage.name}}}"
        if stage.changes == "network":
            raise refused(f"{name} trains a network on, and family 'head' has none below its features; choose crt")
        if stage.changes == "classifier" and self.classifier == "cosine":
            raise refused(f"{name} changes a linear layer, and classifier: cosine has none; write classifier: linear")
        if stage.name == "nearest_class_mean":
            raise refused(f"{name} is a family of its own on features; write family: {{name: nearest_class_mean}}")
        if stage.needs_features_below and not self.hidden:
            raise refused(
                f"{name} trains the last layer anew, and without hidden units that is all there is; set hidden, or "
                "write sampler: {name: class_balanced} without a second stage"
            )
        return self
