"""Writing a derived image the way its parent's file is written, so that the file type says nothing of the origin."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, JpegImagePlugin

from tasks import deep_colour
from tasks.deep_colour import AnyImage, DeepColour
from tasks.images import header

EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "TIFF": "tif", "BMP": "bmp", "GIF": "gif", "WEBP": "webp"}
LOSSLESS: dict[str, dict[str, Any]] = {"TIFF": {"compression": "tiff_deflate"}, "WEBP": {"lossless": True}}
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


@dataclass(frozen=True)
class Encoding:
    """How a file is written.

    Attributes
    ----------
    kind
        Pillow's name of the format.
    options
        What Pillow's writer of the format is told.
    """

    kind: str
    options: dict[str, Any]

    @classmethod
    def of(cls, path: Path) -> Encoding:
        """The encoding of an image file that was opened safely before; only its header is read.

        Format and colour profile are the file's; a JPEG has the file's quantisation and subsampling, that is, its
        quality. TIFF and WebP are written without loss. EXIF, position and all other metadata are left behind.
        """
        with path.open("rb") as file, header(file) as image:
            kind = "JPEG" if image.format == "MPO" else str(image.format)
            options: dict[str, Any] = dict(LOSSLESS.get(kind, {}))
            if isinstance(image, JpegImagePlugin.JpegImageFile):
                options |= {"qtables": image.quantization, "subsampling": JpegImagePlugin.get_sampling(image)}
            if image.info.get("icc_profile"):
                options["icc_profile"] = image.info["icc_profile"]
            return cls(kind, options)

    def encode(self, image: AnyImage) -> tuple[bytes, str]:
        """The bytes of an image file, and its extension.

        What can't be written in this format, or not in the image's mode or size, becomes PNG. Colours of 16 bits are
        written without their profile.
        """
        if isinstance(image, DeepColour):
            return deep_colour.encode(image, self.kind), EXTENSIONS[self.kind]
        if self.kind in EXTENSIONS and self.kind != "PNG":
            try:
                return _saved(image, self.kind, self.options), EXTENSIONS[self.kind]
            except (OSError, ValueError, KeyError):
                pass  # this mode, or this size, does not exist in this format
        profile = {key: value for key, value in self.options.items() if key == "icc_profile"}
        if image.mode not in PNG_MODES:
            image, profile = image.convert("RGBA" if image.has_transparency_data else "RGB"), {}
        if image.mode not in ("1", "P"):
            # For photos, run lengths of the filtered pixels: a quarter of the time of zlib's default, and smaller.
            profile["compress_type"] = Image.RLE
        return _saved(image, "PNG", profile), "png"


def _saved(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
