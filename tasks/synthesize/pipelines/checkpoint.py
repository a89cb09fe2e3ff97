"""A checkpoint of `diffusers`: which of its files are read, what is refused, and how it becomes a pipeline.

Weights are read from safetensors alone, no code of a checkpoint is run, and nothing that its files lack is made up: a
weight that is missing would be one of chance. The safety checker, which answers with a black image, is left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError

from tasks.errors import InputError
from tasks.model_folders.files import FilesOfModel, incomplete, json_of
from tasks.synthesize.pipelines.memory import enough_memory, require_memory
from tasks.torchvision import mend_torchvision

Task = Literal["image_to_image", "inpainting"]
PIPELINES = {"image_to_image": "AutoPipelineForImage2Image", "inpainting": "AutoPipelineForInpainting"}
INDEX = "model_index.json"  # which parts a pipeline has, and of which classes they are
LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")  # the last two serve the first, or other prompts
LIBRARIES = ("diffusers", "transformers")  # whose classes parts may be; anything else would be code of the checkpoint
VOCABULARY = ("tokenizer.json", "vocab.*", "*.model")  # without one a tokenizer is made that knows no word
WEIGHTS = ("diffusion_pytorch_model", "model")  # names of the files of weights
REFUSED = (OSError, ValueError, KeyError, AttributeError, TypeError, ImportError, RuntimeError, SafetensorError)


def require_pipeline(folder: Path) -> None:
    """Refuse a folder that holds no pipeline, or one whose weights are no safetensors, or that brings code.

    Raises
    ------
    InputError
        It does; the message says what to do.
    """
    if not (folder / INDEX).is_file():
        single = sorted(file.name for file in folder.glob("*") if file.suffix in (".safetensors", ".ckpt"))
        raise InputError(
            f"{folder} holds no {INDEX}, so no pipeline; "
            + (
                f"{single[0]} is a checkpoint of one file: read it with `from_single_file` of diffusers where you "
                "trust it, and name a folder that `save_pretrained` has made of it"
                if single
                else "name a folder that `save_pretrained` of a pipeline of diffusers has made"
            )
        )
    for name, (library, _) in parts_of(folder).items():
        if library not in LIBRARIES:
            raise incomplete(folder, f"its {name} needs code that is not of {' or '.join(LIBRARIES)} ({library})")
        if not (folder / name).is_dir():
            raise incomplete(folder, f"{name} is missing")
        if name.startswith("tokenizer") and not any(any((folder / name).glob(one)) for one in VOCABULARY):
            raise incomplete(folder, f"{name} holds no vocabulary")
        if (folder / name / "config.json").is_file() and not weights_of(folder / name):
            raise InputError(
                f"{folder / name} holds no weights as safetensors, and other formats can run code, so they are never "
                "loaded; where you trust them, load the pipeline with diffusers and save it anew "
                "(`save_pretrained` with safe_serialization=True)"
            )


def weights_of(folder: Path) -> list[Path]:
    """The files of weights of one part of a pipeline."""
    found = [file for name in WEIGHTS for file in folder.glob(f"{name}*.safetensors")]
    return sorted(file for file in found if re.fullmatch(r"\w+(-\d+-of-\d+)?", file.stem))


def parts_of(folder: Path) -> dict[str, tuple[str, str]]:
    """The library and the class of each part of a pipeline, without those that are left out."""
    index = json_of(folder, INDEX)
    if not isinstance(index.get("_class_name"), str):
        raise incomplete(folder, f"{INDEX} names no pipeline of diffusers")
    pairs = {name: value for name, value in index.items() if isinstance(value, list) and name not in LEFT_OUT}
    return {name: (str(one[0]), str(one[1])) for name, one in pairs.items() if len(one) == 2 and all(one)}


PIPELINE = FilesOfModel(
    read=(
        INDEX,
        *("*/*.json", "*/*.txt", "*/*.model"),  # configurations and vocabularies
        *(f"*/{name}{shard}.safetensors" for name in WEIGHTS for shard in ("", "-*-of-*")),
    ),
    require=require_pipeline,
    skipped=tuple(f"{name}/*" for name in LEFT_OUT),
)


def load_pipeline(folder: Path, task: Task, side: int) -> Any:
    """The pipeline of a folder for a task, on the processor, in 32 bits, quiet; `side` is that of its images.

    Raises
    ------
    InputError
        A package is not installed, the folder holds no whole pipeline or one for other tasks, or memory is too small.
    """
    diffusers = _diffusers()
    require_memory(folder, [file for name in parts_of(folder) for file in weights_of(folder / name)], side)
    try:
        with enough_memory(side):
            parts = {name: _part(folder, name, *kind) for name, kind in parts_of(folder).items()}
            given = {name: part for name, part in parts.items() if part is not None}
            index = json_of(folder, INDEX)
            given |= {name: None for name in LEFT_OUT if name in index}
            if "safety_checker" in given:
                given["requires_safety_checker"] = False
            pipeline = getattr(diffusers, PIPELINES[task]).from_pretrained(
                folder, local_files_only=True, use_safetensors=True, **given
            )
    except REFUSED as error:
        raise incomplete(folder, f"as a pipeline for {task.replace('_', ' ')}: {error}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _diffusers() -> Any:
    """The library, which tells nothing and fetches nothing."""
    mend_torchvision()
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"pipelines of diffusers need the extra `transformers` ({error}): pip install 'equipoise[transformers]'"
        ) from error
    _hush(transformers)  # before the other one, whose import makes it speak
    import diffusers

    _hush(diffusers)
    return diffusers


def _hush(library: Any) -> None:
    library.utils.logging.set_verbosity(library.utils.logging.CRITICAL)
    library.utils.logging.disable_progress_bar()


def _part(folder: Path, name: str, library: str, kind: str) -> Any:
    """A part that has weights, whole; None for others, which the pipeline reads by itself."""
    import diffusers
    import torch
    import transformers

    if not weights_of(folder / name):
        return None
    of_diffusers = library == "diffusers"
    home: Any = diffusers if of_diffusers else transformers
    part, told = getattr(home, kind).from_pretrained(
        folder / name,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        **({"torch_dtype": torch.float32} if of_diffusers else {"dtype": torch.float32, "trust_remote_code": False}),
    )
    if missing := sorted(told["missing_keys"]):
        raise ValueError(f"{len(missing)} weights of its {name} are missing, the first is {missing[0]}")
    return part.eval().requires_grad_(False)
