"""What of the gates can be set."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Selection(BaseModel):
    """Which synthetic images are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    confidence: float = Field(
        0.05,
        ge=0,
        le=0.5,
        description=(
            "An image is dropped whose class is less likely, to a classifier that saw nothing of what its model saw, "
            "than it is for this share of real images of the class; 0: none is."
        ),
    )
    near_copies: bool = Field(True, description="Whether images are dropped that are nearly a training image.")
    duplicates: bool = Field(True, description="Whether images are dropped that are nearly one before them.")
