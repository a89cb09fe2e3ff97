"""New images from images of the class, by a checkpoint of Stable Diffusion and its kin.

Noise is put on an image of the class, and the checkpoint takes it away again by what a prompt says (SDEdit: Meng et al.
2022). Little strength leaves most of the image as it is, much of it leads far away.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from tasks.synthesize.generators import Examples
from tasks.synthesize.pipelines.checkpoint import Task
from tasks.synthesize.pipelines.drawing import Starts
from tasks.synthesize.pipelines.settings import PipelineGenerator


class ImageToImage(PipelineGenerator):
    """Images that begin with one of the class, changed as a prompt says."""

    name: Literal["image_to_image"] = "image_to_image"
    task: ClassVar[Task] = "image_to_image"

    def starts(self, examples: Examples) -> Starts:
        """See `PipelineGenerator`: any example will do."""
        return Starts(examples, None, np.ones(len(examples.labels), dtype=bool))
