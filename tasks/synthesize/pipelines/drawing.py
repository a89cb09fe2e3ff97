"""Images from images: each begins with one example of its class, and depends on its own wish alone."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.errors import InputError
from tasks.model_folders.files import incomplete
from tasks.synthesize.generators import Examples, FittedGenerator, Synthetic, Wanted
from tasks.synthesize.pipelines.alone import alone
from tasks.synthesize.pipelines.memory import enough_memory


@dataclass(frozen=True)
class Starts:
    """What new images may begin with.

    Attributes
    ----------
    examples
        See `Examples`; by their `ids`, so that the order in which they came decides nothing.
    masks
        Shape (n, side, side), bool: what is drawn anew of each; None: the whole image.
    usable
        Shape (n,), bool: which of them may be begun with.
    """

    examples: Examples
    masks: NDArray[np.bool_] | None
    usable: NDArray[np.bool_]

    @property
    def side(self) -> int:
        """Pixels a side of the images."""
        return int(self.examples.pixels.shape[1])

    def of(self, wanted: Wanted) -> int:
        """The place of the example that an image begins with: one of its class, chosen by the image's own seed.

        Raises
        ------
        InputError
            None of its class is of use.
        """
        own = np.flatnonzero((self.examples.labels == wanted.label) & self.usable)
        if not len(own):
            raise InputError(
                f"no image of {self.examples.classes[wanted.label]!r} has a mask with something to draw anew and "
                "something to keep; give it masks, or leave the class to another generator"
            )
        ordered = own[np.argsort(np.array(self.examples.ids)[own])]
        return int(ordered[np.random.default_rng(wanted.seed).integers(len(ordered))])


@dataclass(frozen=True)
class FittedPipeline(FittedGenerator):
    """A pipeline and the images that it begins with.

    Attributes
    ----------
    pipeline
        Of `diffusers`.
    told
        What it is told for every image.
    starts
        See `Starts`.
    prompts
        What is drawn, by the place of a class.
    checkpoint
        The digest of the checkpoint's files.
    tuned
        The digest of what was tuned to the examples; empty: nothing was.
    """

    pipeline: Any
    told: Mapping[str, Any]
    starts: Starts
    prompts: list[str]
    checkpoint: str
    tuned: str = ""

    @property
    def digest(self) -> str:
        """Of the checkpoint, or of it and what was tuned."""
        return hashlib.sha256((self.checkpoint + self.tuned).encode()).hexdigest() if self.tuned else self.checkpoint

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[Synthetic]:
        """See `FittedGenerator`; one at a time."""
        for one in wanted:
            start = self.starts.of(one)
            parameters = {
                "prompted": self.prompts[one.label],  # `prompt` is the setting, which is recorded as well
                "strength": self.told["strength"],
                "guidance": self.told["guidance_scale"],
                "checkpoint": self.checkpoint,
            }
            yield Synthetic(self.drawn(one, start), (self.starts.examples.ids[start],), parameters)

    def drawn(self, wanted: Wanted, start: int) -> NDArray[np.uint8]:
        """One image, shape (side, side, 3), that begins with the example at `start`.

        Raises
        ------
        InputError
            Memory runs out, or the pipeline makes no such images.
        """
        import torch

        side, pixels = self.starts.side, self.starts.examples.pixels[start]
        anew = None if self.starts.masks is None else self.starts.masks[start]
        images = {"image": Image.fromarray(pixels)}
        if anew is not None:
            images["mask_image"] = Image.fromarray(anew.astype(np.uint8) * 255)
        try:
            with alone(wanted.seed), enough_memory(side), torch.inference_mode():
                chance = torch.Generator().manual_seed(wanted.seed)
                own = {**images, "generator": chance, "output_type": "np"}
                values = self.pipeline(self.prompts[wanted.label], **self.told, **own).images[0]
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"the checkpoint can't draw images of {side} pixels a side ({error}); write the image_size that it was "
                f"made for{native(self.pipeline)}, or name another checkpoint"
            ) from error
        if values.shape != pixels.shape or not np.isfinite(values).all():
            raise InputError(
                f"the checkpoint drew no image of {side} pixels a side; write the image_size that it was made for"
                f"{native(self.pipeline)}, or name another checkpoint"
            )
        made: NDArray[np.uint8] = (values * 255).round().clip(0, 255).astype(np.uint8)
        if self._grey:
            grey = np.asarray(Image.fromarray(made).convert("L"))
            made = np.repeat(grey[..., None], 3, axis=2)
        if anew is not None:
            made = np.where(anew[..., None], made, pixels)
        return made

    @cached_property
    def _grey(self) -> bool:
        """Whether all examples are grey: then new images have no tint either."""
        pixels = self.starts.examples.pixels
        return bool((pixels == pixels[..., :1]).all())


def native(pipeline: Any) -> str:
    """The size that a pipeline was made for, as a piece of a sentence; empty where it doesn't say."""
    for name in ("unet", "transformer"):
        size = getattr(getattr(getattr(pipeline, name, None), "config", None), "sample_size", None)
        if isinstance(size, int):
            return f", {size * int(getattr(pipeline, 'vae_scale_factor', 8))}"
    return ""


def require_call(pipeline: Any, told: Iterable[str], folder: Path) -> None:
    """Refuse a pipeline that doesn't understand what it is told (`InputError`)."""
    known = inspect.signature(pipeline.__call__).parameters
    if unknown := [name for name in ("prompt", "image", "generator", "output_type", *told) if name not in known]:
        raise incomplete(folder, f"{type(pipeline).__name__} takes no {' and no '.join(unknown)}")


def require_short(pipeline: Any, prompts: Sequence[str]) -> None:
    """Refuse prompts of which the text encoder would read the beginning only (`InputError`)."""
    tokenizer = getattr(pipeline, "tokenizer", None)
    if tokenizer is None:
        return
    for prompt in prompts:
        length, most = len(tokenizer(prompt).input_ids), tokenizer.model_max_length
        if length > most:
            raise InputError(
                f"the prompt {prompt[:60]!r}... has {length} tokens, and the checkpoint reads {most}; make it shorter"
            )
