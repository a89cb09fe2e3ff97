"""HEIC, the photos of phones, through the extra `heif`; its package is loaded only when such a file is met."""

from __future__ import annotations

import importlib.metadata

FORMAT = "HEIF"  # what Pillow calls it


def version() -> str:
    """The version of the package that reads HEIC; empty where it isn't installed."""
    try:
        return importlib.metadata.version("pi-heif")
    except importlib.metadata.PackageNotFoundError:
        return ""


def register() -> None:
    """Have Pillow know the format: the picture alone, decoded on one thread like all that workers do.

    The plugin turns the pixels upright itself, and takes the orientation out of what it gives as EXIF.
    """
    from pi_heif import register_heif_opener

    register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
