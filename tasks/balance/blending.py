"""Two pictures become one: the partner brought into the size, the channels and the scale of the base, then mixed."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from tasks.balance.pixels import is_deep, scales_of, to_arrays, to_image
from tasks.deep_colour import AnyImage
from tasks.images import to_rgb
from tasks.registry import components

if TYPE_CHECKING:
    from tasks.balance.mixed import Drawn, MixedImages

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # as Pillow's


def mixed(mix: MixedImages, drawn: Drawn, base: AnyImage, partner: AnyImage, depth: int) -> AnyImage:
    """A mixed image, in mode and size of the base.

    The partner fills the base's frame, and what hangs over is cut off evenly on both sides. 16-bit images
    stand on the scale of the dataset's depth; two others of more than 8 bits are mixed in their own values where they
    are of one mode, else each stands on its own scale. Where the base has no
    transparency the partner lies on mid grey, as models see it.

    Parameters
    ----------
    mix
        How two pictures become one.
    drawn
        What chance decided of them.
    base, partner
        Of any mode.
    depth
        Bits of 16-bit values that are shown.
    """
    scale, their_scale = scales_of(base, partner, depth)
    colours, alpha = to_arrays(base, scale)
    if alpha is None and partner.has_transparency_data:
        partner, their_scale = to_rgb(partner, depth), None
    theirs, veil = to_arrays(partner, their_scale)
    theirs = _fitted(_with_channels(_on_scale(theirs, deep=is_deep(base)), colours.shape[2]), base.size)
    changed = _like(mix.blend(colours.astype(np.float32), theirs.astype(np.float32), drawn), colours)
    if alpha is not None:
        veil = np.full(partner.size[::-1], 255, dtype=np.uint8) if veil is None else veil
        ours, above = (one.astype(np.float32) for one in (alpha[..., np.newaxis], _fitted(veil[..., None], base.size)))
        alpha = _like(mix.blend(ours, above, drawn), alpha)[..., 0]
    return to_image(changed, alpha, base, scale)


def _on_scale(colours: np.ndarray, deep: bool) -> np.ndarray:
    """Colours from 0 to 1 where the base is `deep`, else from 0 to 255."""
    if (colours.dtype == np.float32) == deep:
        return colours
    return (colours / 255).astype(np.float32) if deep else (colours * 255).round().astype(np.uint8)


def _with_channels(colours: np.ndarray, channels: int) -> np.ndarray:
    """Grey as three channels, or three as their luma."""
    if colours.shape[2] > channels:
        colours = _like((colours @ LUMA)[..., np.newaxis], colours)
    return np.repeat(colours, channels // colours.shape[2], axis=2)


def _like(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """`values` as the type of `like`, bytes rounded."""
    return values.round().clip(0, 255).astype(np.uint8) if like.dtype == np.uint8 else values


def _fitted(colours: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scaled and cut evenly to `size`, width and height."""
    height, width = colours.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    kept = [max(1, round(length / scale)) for length in size]
    left, top = (width - min(kept[0], width)) // 2, (height - min(kept[1], height)) // 2
    cut = np.ascontiguousarray(colours[top : top + kept[1], left : left + kept[0]])
    fitted = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return fitted.reshape(size[1], size[0], colours.shape[2])


@cache
def mix_of(specification: str) -> MixedImages:
    """The component that a specification names, made once a process, in which OpenCV then has one thread."""
    cv2.setNumThreads(0)
    parameters = json.loads(specification)
    chosen: Any = components("tasks.balance.mixed")[parameters.pop("mix")]
    made: MixedImages = chosen(**parameters)
    return made
