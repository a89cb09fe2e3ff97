"""A backbone that stage `pretrain` has made: a network in a file, one for the models of each fold."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from tasks.errors import DamagedError
from tasks.features import FOLDS, place_of
from tasks.features.backbones import Backbone
from tasks.files import read_json, write_bytes, write_json
from tasks.pretrain.network import AnyNetwork

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tasks.pretrain.methods import Method
    from tasks.train.finetuning.whole import Whole

BACKBONES = ("models", "backbones")  # below a workspace
WEIGHTS = "backbone.safetensors"
SETTINGS = "backbone.json"


class Pretrained(Backbone):
    """A network of `tasks.train.networks`, pooled by the mean over all places.

    `params.yaml` writes it in the section `pretrain`, not among the backbones: those are there before the folds are.

    Attributes
    ----------
    mean, deviation
        The network itself brings images to the scale that it wants.
    """

    name: Literal["pretrained"] = "pretrained"
    mean: ClassVar[tuple[float, float, float]] = (0.0, 0.0, 0.0)
    deviation: ClassVar[tuple[float, float, float]] = (1.0, 1.0, 1.0)
    packages: ClassVar[tuple[str, ...]] = ("safetensors",)
    is_fitted: ClassVar[bool] = True

    network: AnyNetwork = Field(description="The network, with its settings.")
    channels: int = Field(ge=1, description="Numbers that it makes of an image.")
    described: dict[str, Any] = Field(default_factory=dict, description="What the network is built by, without others.")
    sha256: str = Field(description="Of the file of weights.")
    folder: str = Field(description="Where the file stands.")

    @property
    def dimensions(self) -> int:
        """See `Backbone`."""
        return self.channels

    def needed(self) -> tuple[str, ...]:
        """See `Backbone`."""
        return (*self.packages, *self.network.packages)

    def settings(self) -> dict[str, Any]:
        """See `Backbone`; where the weights stand decides nothing."""
        return self.model_dump(mode="json", exclude={"recipes", "folder"})

    def for_fold(self, fold: int | None) -> Pretrained:
        """See `Backbone`."""
        return opened(self.settings(), place_of(Path(self.folder), fold))

    def save(self, folder: Path, fold: int | None) -> None:
        """See `Backbone`."""
        shutil.copyfile(Path(self.folder) / WEIGHTS, folder / WEIGHTS)

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """See `Backbone`."""
        import torch

        whole = self._whole()
        pooled = whole.scores[:2]

        def features(images: torch.Tensor) -> torch.Tensor:
            shown = images.contiguous(memory_format=torch.channels_last)
            made: torch.Tensor = pooled(whole.stages(whole.normalised(shown)))
            return made

        return features

    def module(self) -> torch.nn.Sequential:
        """See `Backbone`."""
        from torch import nn

        from tasks.statistics.scaling import BoundedStandardisation
        from tasks.train.layers import Standardised

        whole = self._whole()
        colours = {"mean": whole.mean, "deviation": whole.deviation}
        places = {name: value.numpy()[:, None, None] for name, value in colours.items()}
        shown = Standardised(BoundedStandardisation.kept(places))
        return nn.Sequential(nn.Sequential(shown, whole.stages), whole.scores[:2]).eval()

    def weights(self) -> dict[str, Tensor]:
        """Weights and counts of the stages, and the colours that they want, as `Whole` names them.

        Raises
        ------
        DamagedError
            The file is gone, or not the one that was written.
        """
        from safetensors.torch import load

        file = Path(self.folder) / WEIGHTS
        content = _required(file).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise DamagedError(f"{file}: is damaged; `equipoise run --force pretrain` makes it anew")
        return load(content)

    def _whole(self) -> Whole:
        import torch

        from tasks.train.finetuning.whole import Whole

        with torch.random.fork_rng(devices=[]):
            made = Whole(self.network.rebuilt(self.described), torch.nn.Identity())
        made.begin_with(self.weights())
        return made.eval().requires_grad_(False).laid_out(torch.channels_last)


def opened(settings: dict[str, Any], folder: Path) -> Pretrained:
    """The backbone whose weights stand in a folder, with the settings of one like it."""
    known = {key: value for key, value in settings.items() if key != "sha256"}
    return Pretrained.model_validate({**known, "sha256": _digest(folder), "folder": str(folder)})


def read_backbone(folder: Path) -> Pretrained:
    """The backbone for models of all training rows that stage `pretrain` wrote; `for_fold` gives the others."""
    return opened(read_json(_required(folder / SETTINGS)), folder)


def folders_of(folder: Path) -> list[Path]:
    """Where the backbones stand that stage `pretrain` wrote under one name: for all training rows, then by fold."""
    return [folder, *sorted(folder.glob(f"{FOLDS}/*"), key=lambda one: int(one.name))]


def write_backbone(method: Method, state: dict[str, Tensor], folder: Path) -> Pretrained:
    """Write a network that was fitted, with what says how images are shown to it."""
    from safetensors.torch import save

    write_bytes(folder / WEIGHTS, save(state))
    shown = method.model_dump(mode="json", include={"network", "image_size", "resize"})
    built = {"channels": method.network.channels, "described": dict(method.network.described)}
    made = opened(shown | built, folder)
    write_json(folder / SETTINGS, made.settings())
    return made


def _digest(folder: Path) -> str:
    return hashlib.sha256(_required(folder / WEIGHTS).read_bytes()).hexdigest()


def _required(file: Path) -> Path:
    if not file.is_file():
        raise DamagedError(f"{file}: is missing; `equipoise run --force pretrain` makes it anew")
    return file
