"""New images from images of the class whose background, or whose object, is drawn anew by a checkpoint.

What the mask of an image keeps stays as it is, pixel by pixel: the new image has a real object before another
background, or another object before a real background.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from tasks.errors import InputError
from tasks.synthesize.generators import Examples
from tasks.synthesize.pipelines.checkpoint import Task
from tasks.synthesize.pipelines.drawing import Starts
from tasks.synthesize.pipelines.settings import PipelineGenerator


class Inpainting(PipelineGenerator):
    """Images of the class with another background, or another object, drawn as a prompt says."""

    name: Literal["inpainting"] = "inpainting"
    task: ClassVar[Task] = "inpainting"
    of: Literal["background", "object"] = Field("background", description="What is drawn anew; the other is kept.")
    strength: float = Field(
        1.0, gt=0, le=1, description="How far what is drawn leads away from what was there; 1: to anything."
    )

    def starts(self, examples: Examples) -> Starts:
        """See `PipelineGenerator`: examples that have something to draw and something to keep.

        Raises
        ------
        InputError
            The examples have no masks.
        """
        if examples.masks is None:
            raise InputError(
                "inpainting needs to know where the object is in each image, and these images have no masks; use the "
                "generator image_to_image"
            )
        covered = examples.masks.mean(axis=(1, 2))
        anew = examples.masks if self.of == "object" else ~examples.masks
        return Starts(examples, anew, (covered > 0) & (covered < 1))
