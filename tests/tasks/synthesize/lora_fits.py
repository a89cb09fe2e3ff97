"""One tuning of a pipeline for the tests of LoRA; as a script one that a test may kill.

    python lora_fits.py PIPELINE FOLDER OUT

tunes the pipeline with checkpoints in FOLDER, one a step, and writes the digest of what it has learnt to OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pipeline_folders import CLASSES, SIDE, pixels_of

from tasks.synthesize.generators import Examples
from tasks.synthesize.generators.image_to_image import ImageToImage
from tasks.synthesize.journal import ALONE, Journal
from tasks.synthesize.pipelines.checkpoint import PIPELINE
from tasks.synthesize.pipelines.drawing import FittedPipeline

LORA: dict[str, Any] = {"rank": 2, "steps": 8, "learning_rate": 0.01, "batch_size": 3}
KILLED = LORA | {"steps": 30}


def examples_of(**how: Any) -> Examples:
    pixels, labels = pixels_of(**how)
    return Examples(0, pixels, labels, CLASSES, [f"image-{row:02}" for row in range(len(labels))])


def tuned(
    pipeline: Path, settings: dict[str, Any], journal: Journal = ALONE, seed: int = 0, **how: Any
) -> FittedPipeline:
    place = {"folder": str(pipeline), "digest": PIPELINE.digest(pipeline)}
    made = ImageToImage.model_validate({**place, "image_size": SIDE, "sampling_steps": 2, "lora": settings})
    return made.fit(examples_of(**how), seed, journal)


if __name__ == "__main__":
    pipeline, folder, out = map(Path, sys.argv[1:])
    out.write_text(tuned(pipeline, KILLED, Journal(folder, pause=0.0)).tuned)
