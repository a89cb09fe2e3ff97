"""A preset of the user's own choice: transforms with their settings, in the order in which they stand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.balance.presets import Preset
from tasks.balance.steps import Step
from tasks.balance.transforms import Transform
from tasks.registry import OneOf


class Listed(Preset):
    """The transforms that `transforms` lists, in their order."""

    name: Literal["listed"] = "listed"
    transforms: list[Annotated[Transform, OneOf()]] = Field(
        default_factory=list, description="Transforms, each with its settings; applied from top to bottom."
    )

    def steps(self) -> tuple[Step, ...]:
        """The transforms' steps, in their order."""
        why = "Chosen by the user for these images."
        return tuple(transform.step(self.strength, why) for transform in self.transforms)
