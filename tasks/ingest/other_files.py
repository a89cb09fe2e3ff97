"""Which files are no images: told by their content, for `ingest` and for `equipoise add`."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from tasks.formats import HEAD, OTHER, TEXT, Kind, kind_of
from tasks.images import can_read

# Formats that begin with no mark, or can be text: here the name decides, as it does for a damaged file.
IMAGE_SUFFIXES = frozenset(
    [
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".icb", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm"),
        *(".pcx", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".ras", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
    ]
)


def kind_to_leave_out(path: Path) -> Kind | None:
    """What a file is that is no image that can be read; None for those that are, or should be by their names."""
    kind = OTHER
    try:
        if path.is_file():  # to open a pipe would wait
            with path.open("rb") as file:
                kind = kind_of(file.read(HEAD))
    except OSError:
        pass
    if can_read(kind) or (kind in (TEXT, OTHER) and is_named_like_an_image(path.name)):
        return None
    return kind


def is_named_like_an_image(path: str) -> bool:
    """Whether a name says that a file whose content doesn't tell should be an image."""
    return PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES
