"""Models of `transformers` and `timm`, as those libraries save them: a folder with a configuration and safetensors.

Nothing else of a folder is read: no pickle, no code. What `params.yaml` names is pinned, a folder by the digest of its
files and a model of the hub by its commit; so other weights are other parameters, for DVC, for the row store and for
whoever reads the history. Only a model of the hub is ever downloaded, once.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from tasks.model_folders.files import MODEL, FilesOfModel
from tasks.model_folders.pinned import PinnedFolder
from tasks.registry import refused

if TYPE_CHECKING:
    from tasks.model_folders.last_maps import LastMaps

Colour = tuple[float, float, float]


class HubFolder(PinnedFolder):
    """A model of a folder here or at the hub.

    Attributes
    ----------
    files
        Which files hold it.
    """

    files: ClassVar[FilesOfModel]
    nameless: ClassVar[str]

    folder: str = Field("", description="Its folder, in the workspace or anywhere else; empty: it is at the hub.")
    hub: str = Field(
        "", pattern=r"^([\w.-]+/[\w.-]+)?$", description="owner/name at huggingface.co; it is downloaded once."
    )
    revision: str = Field("", pattern=r"^([0-9a-f]{40})?$", description="The commit at the hub, 40 hex digits.")

    @model_validator(mode="after")
    def _is_one_model(self) -> HubFolder:
        """Refuse two models, and one of the hub that isn't pinned."""
        if self.folder and self.hub:
            raise refused("both folder and hub: name the one place that holds the model, and leave out the other")
        if self.hub and not self.revision:
            raise refused(
                "revision: what stands at the hub can change; write the commit, 40 hex digits, as "
                f"https://huggingface.co/{self.hub}/commits/main shows it"
            )
        if (self.digest and not self.folder) or (self.revision and not self.hub):
            raise refused("a folder is pinned by digest, a model of the hub by revision; leave out the other")
        return self

    @property
    def against(self) -> str:
        """Why it can't be used; empty where it names a model."""
        return "" if self.folder or self.hub else self.nameless

    def place(self) -> Path:
        """The folder, whose files are those that the parameters mean.

        Raises
        ------
        InputError
            There is none, or it has other files, or none of safetensors; or the hub doesn't answer.
        """
        if self.hub:
            from tasks.model_folders.hub import place_of_hub

            return place_of_hub(self.hub, self.revision, self.files)
        return super().place()

    def digest_of(self, folder: Path) -> str:
        """See `PinnedFolder`."""
        return self.files.digest(folder)


class ModelFolder(HubFolder):
    """A model without its classifier, of a folder here or at the hub."""

    library: ClassVar[str]
    files: ClassVar[FilesOfModel] = MODEL
    nameless: ClassVar[str] = (
        "no model is named: write folder, for instance data/vit, or hub, for instance facebook/dinov2-small, with "
        "revision"
    )

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
