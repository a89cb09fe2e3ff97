"""Models of `transformers` and `timm`, as those libraries save them: a folder with a configuration and safetensors.

Nothing else of a folder is read: no pickle, no code. What `params.yaml` names is pinned, a folder by the digest of its
files and a model of the hub by its commit; so other weights are other parameters, for DVC, for the row store and for
whoever reads the history. Only a model of the hub is ever downloaded, once.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from tasks.errors import InputError

if TYPE_CHECKING:
    from tasks.model_folders.last_maps import LastMaps

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"  # which of several files holds which weights
READ = (CONFIG, "preprocessor_config.json", SHARDS, "*.safetensors")  # all of a folder that may be looked at
DIGITS = 32
NAMELESS = (
    "no model is named: write folder, for instance data/vit, or hub, for instance facebook/dinov2-small, with revision"
)

Colour = tuple[float, float, float]


class ModelFolder(BaseModel):
    """A model without its classifier, of a folder here or at the hub."""

    library: ClassVar[str]

    folder: str = Field("", description="Its folder, in the workspace or anywhere else; empty: it is at the hub.")
    digest: str = Field(
        "", pattern=rf"^([0-9a-f]{{{DIGITS}}})?$", description="Of the folder's files; `equipoise run` says it."
    )
    hub: str = Field(
        "", pattern=r"^([\w.-]+/[\w.-]+)?$", description="owner/name at huggingface.co; it is downloaded once."
    )
    revision: str = Field("", pattern=r"^([0-9a-f]{40})?$", description="The commit at the hub, 40 hex digits.")

    @model_validator(mode="after")
    def _is_one_model(self) -> ModelFolder:
        """Refuse two models, and one of the hub that isn't pinned."""
        if self.folder and self.hub:
            raise _refused("both folder and hub: name the one place that holds the model, and leave out the other")
        if self.hub and not self.revision:
            raise _refused(
                "revision: what stands at the hub can change; write the commit, 40 hex digits, as "
                f"https://huggingface.co/{self.hub}/commits/main shows it"
            )
        if (self.digest and not self.folder) or (self.revision and not self.hub):
            raise _refused("a folder is pinned by digest, a model of the hub by revision; leave out the other")
        return self

    @property
    def against(self) -> str:
        """Why it can't be used; empty where it names a model."""
        return "" if self.folder or self.hub else NAMELESS

    def place(self) -> Path:
        """The folder, whose files are those that the parameters mean.

        Raises
        ------
        InputError
            There is none, or it has other files, or none of safetensors; or the hub doesn't answer.
        """
        if self.against:
            raise InputError(self.against)
        if self.hub:
            from tasks.model_folders.hub import place_of_hub

            return place_of_hub(self.hub, self.revision)
        if found := self.unpinned():
            raise InputError(f"{self.mismatch}; if they are those that you want, write digest: {found} beside folder")
        return Path(self.folder)

    def unpinned(self) -> str:
        """The digest of the folder's files, where it is not the one that is meant; else empty."""
        found = digest_of(Path(self.folder))
        return "" if found == self.digest else found

    @property
    def mismatch(self) -> str:
        """What is wrong where there is something `unpinned`."""
        meant = f"not those of digest {self.digest}" if self.digest else "not pinned by a digest yet"
        return f"the files of the model in {self.folder} are {meant}"

    @cached_property
    def described(self) -> dict[str, Any]:
        """What the model is built by and how images are shown to it, as JSON can hold it.

        ``mean`` and ``deviation`` of RGB values 0 to 255, ``size`` in pixels that it was made for, and what the library
        needs. Raises as `place`, and where the files say something else.
        """
        return self.describe(self.place())

    @property
    def normalisation(self) -> tuple[Colour, Colour]:
        """Mean and deviation of the RGB values, 0 to 255, of its pretraining."""
        mean, deviation = (tuple(self.described[key]) for key in ("mean", "deviation"))
        return mean, deviation

    @cached_property
    def channels(self) -> int:
        """Number of its last maps."""
        import torch

        size = self.described["size"]
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            maps = self.built(self.described).eval()(torch.zeros(1, 3, size, size))
        return int(maps.shape[1])

    @abstractmethod
    def describe(self, folder: Path) -> dict[str, Any]:
        """Read `described` from files that are safe to read."""

    @abstractmethod
    def loaded(self) -> LastMaps:
        """The model with its weights; weights that no map depends on want no gradient.

        Raises
        ------
        InputError
            The library is not installed, or the folder doesn't hold a whole model for RGB images.
        """

    @abstractmethod
    def built(self, described: dict[str, Any]) -> LastMaps:
        """The model with any weights, of `described` alone: nothing is looked at."""


def digest_of(folder: Path) -> str:
    """A digest of a model's files, of those that are read, by name and content.

    Raises
    ------
    InputError
        There is no folder, or it holds no configuration or no weights as safetensors.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} with a model; put it there, or write where it is")
    require_safe(folder)
    digest = hashlib.sha256()
    for file in files_of(folder):
        with file.open("rb") as content:
            digest.update(file.name.encode() + b"\0" + hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:DIGITS]


def files_of(folder: Path) -> list[Path]:
    """The files of a model's folder that may be read, by name."""
    return sorted({file for pattern in READ for file in folder.glob(pattern)})


def require_safe(folder: Path) -> None:
    """Refuse a folder without a configuration, or without weights as safetensors (`InputError`)."""
    if not (folder / CONFIG).is_file():
        raise InputError(
            f"{folder} holds no {CONFIG}, so no model; name a folder that `save_pretrained` of transformers or "
            "`save_for_hf` of timm has made"
        )
    if not (folder / WEIGHTS).is_file() and not (folder / SHARDS).is_file():
        raise InputError(
            f"{folder} holds no {WEIGHTS}, and weights of other formats can run code, so they are never loaded; where "
            "you trust them, load the model with its library and save it anew (`save_pretrained`, `save_for_hf` with "
            "safe_serialization=True)"
        )


def json_of(folder: Path, name: str) -> dict[str, Any]:
    """What a file of a model's folder says (`InputError` where it can't be read)."""
    try:
        found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
        return dict(found)
    except (OSError, ValueError, TypeError) as error:
        raise incomplete(folder, f"{name}: {error}") from error


def incomplete(folder: Path, why: object) -> InputError:
    """The error for a folder whose model can't be used."""
    return InputError(f"{folder} holds no model that can be used ({why}); name another folder")


def _refused(why: str) -> PydanticCustomError:
    return PydanticCustomError("combination", "{message}", {"message": why})
