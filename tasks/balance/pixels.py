"""Images of any mode as arrays that can be transformed, and back into their mode.

The transforms know 8-bit images of one or three channels and floats from 0 to 1. So

- grey and RGB images go as they are;
- 1-bit images go as grey and come back by a threshold at half;
- palettes go as RGB and come back with a new palette of at most 256 colours;
- CMYK, YCbCr and HSV go as RGB and are converted back;
- 16-bit images, grey or in colour, go as floats on the scale of their dataset's depth (0 to 4095 for 12 bits), which is
  what models see, and come back on it;
- integers of 32 bits go as floats on the scale from 0 (or a negative minimum) to the largest number of as many bits as
  they use, floats on the scale to their own maximum; both come back on it;
- transparency goes apart: it is moved with the image, but its values are not changed. An image that marks one colour
  as transparent comes back with an alpha channel.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from tasks.deep_colour import AnyImage, DeepColour
from tasks.depth import top

Scale = tuple[float, float]  # what stands for 0 and for 1


def to_arrays(image: AnyImage, scale: Scale | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """The colours of an image, (h, w, 1 or 3), uint8 or float32 in 0..1, and its transparency, (h, w) uint8, if any.

    `scale` is that of an image of more than 8 bits; its own where None.
    """
    if isinstance(image, DeepColour):
        return _from_low_to_high(image, scale), image.alpha
    if is_deep(image):
        return _from_low_to_high(image, scale)[..., np.newaxis], None
    grey = image.mode in ("1", "L", "LA", "La")
    if not image.has_transparency_data:
        colours = np.asarray(image.convert("L" if grey else "RGB"))
        return (colours[..., np.newaxis] if grey else colours), None
    channels = np.asarray(image.convert("RGBA"))
    return (channels[..., :1] if grey else channels[..., :3]).copy(), channels[..., 3].copy()


def to_image(colours: np.ndarray, alpha: np.ndarray | None, like: AnyImage, scale: Scale | None = None) -> AnyImage:
    """An image of the mode of `like` from what `to_arrays` made of `like` on the same `scale`, after changes."""
    if is_deep(like):
        values, (low, high) = _deep_values(like, scale)
        scaled = low + np.clip(colours.astype(np.float64), 0, 1) * (high - low)
        scaled = (scaled.round() if values.dtype.kind in "iu" else scaled).astype(values.dtype)
        return DeepColour.of(scaled, alpha) if isinstance(like, DeepColour) else Image.fromarray(scaled[..., 0])
    image = Image.fromarray(colours[..., 0] if colours.shape[2] == 1 else colours)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    if like.mode in ("P", "PA"):
        method = Image.Quantize.MEDIANCUT if alpha is None else Image.Quantize.FASTOCTREE
        return image.quantize(256, method, dither=Image.Dither.NONE)
    if like.mode == "1" and alpha is None:
        return image.convert("1", dither=Image.Dither.NONE)
    return image.convert(like.mode) if like.mode in ("CMYK", "YCbCr", "HSV") else image


def is_deep(image: AnyImage) -> bool:
    """Whether an image has more than 8 bits a channel."""
    return isinstance(image, DeepColour) or image.mode.startswith(("I", "F"))


def scale_of(image: AnyImage, depth: int) -> Scale | None:
    """The scale of a 16-bit image in a dataset of a depth; None for all others."""
    return (0.0, float(top(depth))) if isinstance(image, DeepColour) or image.mode.startswith("I;16") else None


def scales_of(first: AnyImage, second: AnyImage, depth: int) -> tuple[Scale | None, Scale | None]:
    """The scales on which two images are mixed: a common one where both are of one mode of more than 8 bits."""
    fixed = scale_of(first, depth), scale_of(second, depth)
    if any(fixed) or not is_deep(first) or first.mode != second.mode:
        return fixed
    (_, (low, high)), (_, (other_low, other_high)) = _deep_values(first), _deep_values(second)
    common = min(low, other_low), max(high, other_high)
    return common, common


def _from_low_to_high(image: AnyImage, scale: Scale | None) -> np.ndarray:
    """Colours of more than 8 bits a value as floats, 0 at the low end of their scale and 1 at the high one."""
    values, (low, high) = _deep_values(image, scale)
    return np.asarray(((values - low) / max(high - low, 1e-30)).clip(0, 1).astype(np.float32))


def _deep_values(image: AnyImage, scale: Scale | None = None) -> tuple[np.ndarray, Scale]:
    """Colours of more than 8 bits a value in the machine's byte order, and the scale that they stand on."""
    values = image.colours if isinstance(image, DeepColour) else np.asarray(image)
    values = np.nan_to_num(values.astype(values.dtype.newbyteorder("=")), posinf=0, neginf=0)
    if scale:
        return values, scale
    largest = values.max()
    high = (1 << int(largest).bit_length()) - 1 if values.dtype.kind in "iu" else float(largest)
    return values, (min(0.0, float(values.min())), float(high))
