"""What generators have in common that draw with a checkpoint of `diffusers`: its place, prompts and how they draw."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from tasks.errors import require_classes
from tasks.model_folders import HubFolder
from tasks.model_folders.files import FilesOfModel
from tasks.registry import refused
from tasks.synthesize.generators import Examples, Generator
from tasks.synthesize.journal import ALONE, Journal
from tasks.synthesize.pipelines.alone import alone
from tasks.synthesize.pipelines.checkpoint import PIPELINE, Task, load_pipeline
from tasks.synthesize.pipelines.drawing import FittedPipeline, Starts, require_call, require_short
from tasks.synthesize.pipelines.lora_settings import Lora

CLASS = "{class}"  # what stands for the class in a prompt
Prompt = Annotated[str, Field(min_length=1, max_length=1000)]


class PipelineGenerator(HubFolder, Generator):
    """A generator that begins with an image of the class and draws with a checkpoint of `diffusers`."""

    task: ClassVar[Task]
    files: ClassVar[FilesOfModel] = PIPELINE
    nameless: ClassVar[str] = (
        "no checkpoint is named: write folder, for instance data/stable-diffusion, or hub, for instance "
        "stable-diffusion-v1-5/stable-diffusion-v1-5, with revision"
    )

    image_size: int = Field(
        512, ge=16, le=1024, multiple_of=8, description="Pixels a side of its images, a multiple of 8."
    )
    prompt: Prompt = Field("a photo of {class}", description="What is drawn; {class} stands for the class.")
    prompts: dict[str, Prompt] = Field(
        default_factory=dict, description="Prompts of single classes, class: text; all others have `prompt`."
    )
    negative_prompt: str = Field("", max_length=1000, description="What is not to be drawn; empty: nothing is said.")
    strength: float = Field(
        0.5, gt=0, le=1, description="How far an image leads away from the one that it begins with; 1: to anything."
    )
    guidance: float = Field(7.5, ge=1, le=30, description="How strongly images follow their prompt; 1: not pushed.")
    sampling_steps: int = Field(30, ge=1, le=1000, description="Steps from noise alone; `strength` is their share.")
    lora: Lora | None = Field(None, description="A fine-tuning to the examples; null: the checkpoint as it is.")

    @model_validator(mode="after")
    def _draws(self) -> PipelineGenerator:
        """Refuse prompts with unknown fields, and fewer steps than one."""
        for text in (self.prompt, *self.prompts.values()):
            if unknown := [one for one in re.findall(r"\{\w*\}", text) if one != CLASS]:
                raise refused(f"{unknown[0]} stands for nothing in the prompt {text!r}; {CLASS} stands for the class")
        if self.negative_prompt and self.guidance == 1:
            raise refused(
                "with guidance 1 negative_prompt would change nothing; write more guidance, or leave it empty"
            )
        if int(self.sampling_steps * self.strength) < 1:
            least = int(1 / self.strength) + 1
            raise refused(
                f"strength {self.strength:g} of {self.sampling_steps} sampling_steps is not one step; write "
                f"sampling_steps: {least}, or more strength"
            )
        return self

    @property
    def packages(self) -> tuple[str, ...]:
        """See `Generator`."""
        return ("transformers", "peft") if self.lora else ("transformers",)

    def require(self, classes: Sequence[str]) -> None:
        """See `Component`."""
        require_classes(self.prompts, classes, "prompts")

    def prompt_of(self, label: str) -> str:
        """What is drawn for a class."""
        return self.prompts.get(label, self.prompt).replace(CLASS, label)

    def fit(self, examples: Examples, seed: int, journal: Journal = ALONE) -> FittedPipeline:
        """Load the checkpoint and, where `lora` says so, tune it to the examples.

        Raises
        ------
        InputError
            The checkpoint can't be used, or the examples can't; the message says what to do.
        """
        self.require(examples.classes)
        starts = self.starts(examples)
        place = self.place()
        digest = self.digest or self.digest_of(place)
        with alone(seed):
            pipeline = load_pipeline(place, self.task, starts.side)
            told = self._told(starts)
            require_call(pipeline, told, place)
            prompts = [self.prompt_of(label) for label in examples.classes]
            require_short(pipeline, [*prompts, self.negative_prompt])
            fitted = FittedPipeline(pipeline, told, starts, prompts, digest)
            if self.lora:
                from tasks.synthesize.pipelines.lora import Training

                return Training(self.lora, fitted, examples, seed, journal).tuned()
        return fitted

    def _told(self, starts: Starts) -> dict[str, Any]:
        """What the pipeline is told for every image."""
        said = {"negative_prompt": self.negative_prompt} if self.negative_prompt else {}
        size = {} if starts.masks is None else {"height": starts.side, "width": starts.side}
        return {
            "strength": self.strength,
            "guidance_scale": self.guidance,
            "num_inference_steps": self.sampling_steps,
            **said,
            **size,
        }

    @abstractmethod
    def starts(self, examples: Examples) -> Starts:
        """The images that new ones begin with (`InputError` where there is none of use)."""
