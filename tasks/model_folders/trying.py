"""Whether a model can do what is asked of it, found out before anything runs: it is built without numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.model_folders import ModelFolder

if TYPE_CHECKING:
    from tasks.model_folders.last_maps import LastMaps


def refusal(model: ModelFolder, image_size: int, frozen: int) -> str:
    """Why a model can't be used so, and what to write; empty where it can, or where nothing can be said of it here.

    Only a model that is asked for something else than what its configuration says is built, of tensors that have a
    shape and no numbers: then its library itself says whether images of such a size can be looked at.

    Parameters
    ----------
    model
        Of a folder, or of the hub; one that was not downloaded yet is not looked at.
    image_size
        Pixels a side of the images that it is to see.
    frozen
        How many of its stages are to stay as they are.
    """
    if model.against or not _is_here(model):
        return ""
    try:
        size = int(model.described["size"])
        if image_size == size and not frozen:
            return ""
        made = _without_numbers(model)
        _look(made, size)
    except Exception:  # whatever is wrong with it, its stage says better
        return ""
    depth = 1 + max(made.numbers.values())
    if frozen > depth:
        return f"frozen: {frozen}, but the network has {depth} stages; write at most that"
    try:
        _look(made, image_size)
    except Exception:  # each library, and each model, has errors of its own
        return (
            f"image_size: the model can't look at images of {image_size} pixels a side; write the size that it was "
            f"made for, {size}"
        )
    return ""


def _is_here(model: ModelFolder) -> bool:
    if not model.hub:
        return True
    from tasks.model_folders.hub import is_here

    return is_here(model.hub, model.revision, model.files)


def _without_numbers(model: ModelFolder) -> LastMaps:
    import torch

    with torch.device("meta"):
        return model.built(model.described).eval()


def _look(made: LastMaps, size: int) -> None:
    import torch

    with torch.inference_mode():
        made(torch.zeros(1, 3, size, size, device="meta"))
