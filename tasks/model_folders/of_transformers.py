"""Models of `transformers`: any whose model, without a head, answers images with a `last_hidden_state`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tasks.errors import InputError
from tasks.model_folders import ModelFolder
from tasks.model_folders.files import CONFIG, incomplete, json_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.model_folders.last_maps import LastMaps

PREPROCESSING = "preprocessor_config.json"
SIZE = 224  # pixels a side, where no file says for which size a model was made
BYTE = 1 / 255


class TransformersFolder(ModelFolder):
    """A model that `save_pretrained` wrote, its image processor beside it."""

    library: ClassVar[str] = "transformers"

    def describe(self, folder: Path) -> dict[str, Any]:
        """See `ModelFolder`."""
        config = json_of(folder, CONFIG)
        if "model_type" not in config:
            raise incomplete(folder, f"{CONFIG} states no model_type, so it is not of transformers")
        if config.get("num_channels", 3) != 3:
            raise incomplete(folder, f"it looks at {config['num_channels']} channels, and images are shown as RGB")
        if not (folder / PREPROCESSING).is_file():
            raise incomplete(folder, f"{PREPROCESSING} is missing, which says how it is shown images")
        how = json_of(folder, PREPROCESSING)
        unit = how.get("rescale_factor", BYTE) if how.get("do_rescale", True) else 1.0
        mean, deviation = [0.0] * 3, [1.0] * 3
        if how.get("do_normalize", True):
            try:
                mean, deviation = [*map(float, how["image_mean"])], [*map(float, how["image_std"])]
            except (KeyError, TypeError) as error:
                raise incomplete(folder, f"{PREPROCESSING} states no image_mean and image_std") from error
        found = {"mean": [one / unit for one in mean], "deviation": [one / unit for one in deviation]}
        return found | {"size": _size(config.get("image_size"), how.get("size")), "config": config}

    def loaded(self) -> LastMaps:
        """See `ModelFolder`."""
        import torch

        folder, described, library = self.place(), self.described, _transformers()
        try:
            model, told = library.AutoModel.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
            return _last_maps(model, described).without_idle(frozenset(told["missing_keys"]))
        except (OSError, ValueError, ImportError, KeyError, AttributeError, RuntimeError, InputError) as error:
            raise incomplete(folder, error) from error

    def built(self, described: dict[str, Any]) -> LastMaps:
        """See `ModelFolder`."""
        library, config = _transformers(), described["config"]
        made = library.CONFIG_MAPPING[config["model_type"]].from_dict(config)
        return _last_maps(library.AutoModel.from_config(made, trust_remote_code=False).float(), described)


def _transformers() -> Any:
    """The library, which tells nothing and fetches nothing."""
    from tasks.torchvision import mend_torchvision

    mend_torchvision()
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"models of transformers need the extra `transformers` ({error}): pip install 'equipoise[transformers]'"
        ) from error
    library: Any = transformers
    library.utils.logging.set_verbosity(library.utils.logging.CRITICAL)
    library.utils.logging.disable_progress_bar()
    return library


def _size(*said: Any) -> int:
    """Pixels a side for which a model was made, by the first that says it: a number, one a side, or some by name."""
    for one in said:
        sides = [one.get("height"), one.get("shortest_edge")] if isinstance(one, dict) else one
        sides = sides if isinstance(sides, list) else [sides]
        if known := [side for side in sides if isinstance(side, int)]:
            return known[0]
    return SIZE


def _last_maps(model: Any, described: dict[str, Any]) -> LastMaps:
    from tasks.model_folders.last_maps import LastMaps, numbered

    if model.main_input_name != "pixel_values":
        raise ValueError(
            f"a {type(model).__name__} looks at {model.main_input_name}, not at images alone; save its image tower"
        )
    names = [name for name, _ in model.named_parameters()]
    return LastMaps(model, _to_maps, numbered(names, _blocks(model)), described["size"])


def _to_maps(model: Any, images: Tensor) -> Tensor:
    from tasks.model_folders.last_maps import places_of

    last: Tensor = model(pixel_values=images).last_hidden_state
    if last.ndim == 4:
        return last
    patch = getattr(model.config, "patch_size", None)
    return places_of(last, images.shape[-1] // patch if isinstance(patch, int) else 0)


def _blocks(model: nn.Module) -> str:
    """The name of the model's list of blocks: of those that hold half of the weights, the outermost."""
    from torch import nn

    def weights(module: nn.Module) -> int:
        return sum(one.numel() for one in module.parameters())

    half = weights(model) / 2
    lists = [
        (name.count("."), -weights(module), name)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) > 1 and weights(module) >= half
    ]
    return min(lists)[2] if lists else ""
