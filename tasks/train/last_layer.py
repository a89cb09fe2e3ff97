"""What a strategy says of the last layer of a network, whatever comes before it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

FIRST_SCALE = 10.0  # of cosines, where it is learnt


class LastLayer(BaseModel):
    """Settings that families of networks share: linear outputs, or cosines (`tasks.train.dense`)."""

    classifier: Literal["linear", "cosine"] = Field(
        "linear", description="The last layer: linear, or cosines to a direction a class, times a scale."
    )
    scale: float | None = Field(None, gt=0, le=1000, description="Of cosines, fixed; null: learnt, from 10 on.")

    @model_validator(mode="after")
    def _scaled(self) -> Self:
        if self.scale is not None and self.classifier != "cosine":
            raise ValueError(f"scale {self.scale:g} is one of cosines; write classifier: cosine, or leave it out")
        return self

    @property
    def cosine_scale(self) -> float | None:
        """See `tasks.train.families.Family`."""
        return self.scale  # where none is given it is learnt, and no certain one

    @property
    def first_scale(self) -> float | None:
        """By which cosines are multiplied as training begins; None: outputs are linear."""
        return (self.scale or FIRST_SCALE) if self.classifier == "cosine" else None
