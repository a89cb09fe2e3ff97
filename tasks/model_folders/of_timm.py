"""Models of `timm`, as `timm.models.save_for_hf` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tasks.errors import InputError
from tasks.model_folders import ModelFolder
from tasks.model_folders.files import CONFIG, SHARDS, incomplete, json_of

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.model_folders.last_maps import LastMaps

SAID = ("input_size", "fixed_input_size")  # of its pretraining: they are its size where no argument says one


class TimmFolder(ModelFolder):
    """A model that `timm.models.save_for_hf` wrote, its configuration beside it."""

    library: ClassVar[str] = "timm"

    def describe(self, folder: Path) -> dict[str, Any]:
        """See `ModelFolder`."""
        config = json_of(folder, CONFIG)
        shown = config.get("pretrained_cfg", config)
        try:
            channels, size, _ = shown["input_size"]
            mean, deviation = ([255.0 * value for value in shown[key]] for key in ("mean", "std"))
            architecture, arguments = config["architecture"], config.get("model_args") or {}
        except (KeyError, TypeError, ValueError) as error:
            raise incomplete(folder, f"{CONFIG} is not one of timm: {error!r}") from error
        if channels != 3 or len(mean) != 3:
            raise incomplete(folder, f"it looks at {channels} channels, and images are shown as RGB")
        if (folder / SHARDS).is_file():
            raise incomplete(folder, "its weights are shared out to several files, which timm doesn't read")
        said = {key: shown[key] for key in SAID if key in shown}
        made = {"architecture": architecture, "arguments": arguments, "said": said}
        return {"mean": mean, "deviation": deviation, "size": int(size)} | made

    def loaded(self) -> LastMaps:
        """See `ModelFolder`."""
        folder, described, library = self.place(), self.described, _timm()
        try:
            model = library.create_model(f"local-dir:{folder.resolve()}", pretrained=True, num_classes=0)
            return _last_maps(model.float(), described).without_idle()
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, InputError) as error:
            raise incomplete(folder, error) from error

    def built(self, described: dict[str, Any]) -> LastMaps:
        """See `ModelFolder`."""
        arguments = described["arguments"] | {"num_classes": 0}
        if said := described.get("said"):  # models that an earlier version kept lack it
            arguments |= {"pretrained_cfg": said}
        return _last_maps(_timm().create_model(described["architecture"], pretrained=False, **arguments), described)


def _timm() -> Any:
    """The library."""
    from tasks.torchvision import mend_torchvision

    mend_torchvision()
    try:
        import timm
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"models of timm need the extra `timm`, with a torchvision that fits torch ({error}): "
            "pip install 'equipoise[timm]'"
        ) from error
    return timm


def _last_maps(model: Any, described: dict[str, Any]) -> LastMaps:
    """See `LastMaps`; its stages are timm's groups of layers, the stem being the first one's."""
    from timm.models import group_parameters

    from tasks.model_folders.last_maps import LastMaps

    groups = group_parameters(model, model.group_matcher(coarse=True), reverse=True)
    numbers = {name: max(groups[name] - 1, 0) for name, _ in model.named_parameters()}
    return LastMaps(model, _to_maps, numbers, described["size"])


def _to_maps(model: Any, images: Tensor) -> Tensor:
    from tasks.model_folders.last_maps import places_of

    last: Tensor = model.forward_features(images)
    if last.ndim == 4:
        return last.permute(0, 3, 1, 2) if str(getattr(model, "output_fmt", "")).endswith("NHWC") else last
    return places_of(last[:, getattr(model, "num_prefix_tokens", 0) :], 0)
