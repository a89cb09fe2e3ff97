"""A folder of images that were made elsewhere: which there are, of which class, and from which training images."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from tasks.decoding import squared
from tasks.depth import DEPTHS
from tasks.errors import InputError
from tasks.images import UnreadableError, open_image, to_rgb
from tasks.ingest.other_files import kind_to_leave_out
from tasks.ingest.reading import ImageTable, cell_text, read_table
from tasks.ingest.wording import first_few
from tasks.model_folders.files import digest_of_files

TABLE = "images.csv"
RAW = Path("data/raw")  # where parents are looked for that are named by their paths
PIXELS = 100_000_000  # a larger image is refused
PLAIN = 8  # bits of a value of most images
IMAGE_ID = re.compile(r"[0-9a-f]{16}")  # the first digits of a file's SHA-256


@dataclass(frozen=True)
class Made:
    """One image.

    Attributes
    ----------
    path
        Below the folder, with forward slashes.
    label
        Its class.
    parents
        The `image_id` of each training image that it was made from, or what stands there for one that isn't found;
        none: nobody says.
    sha256
        Of its file.
    """

    path: str
    label: str
    parents: tuple[str, ...]
    sha256: str


def digest_of_images(folder: Path) -> str:
    """A digest of the images of a folder, and of its table, by name and content (`InputError`: see `images_of`)."""
    table = [folder / TABLE] if (folder / TABLE).is_file() else []
    return digest_of_files(folder, [*table, *(folder / path for path in sorted(_labels(folder)))])


def images_of(folder: Path) -> list[Made]:
    """The images of a folder, by the hashes of their contents; of several with one content the first by its path.

    Raises
    ------
    InputError
        There is no such folder, or no image in it; the table can't be read, or names what isn't there; or one image
        has two classes.
    """
    found: defaultdict[str, list[Made]] = defaultdict(list)
    known = cache(_image_id)  # an image may have many descendants
    for path, (label, written) in sorted(_labels(folder).items()):
        digest = _sha256(folder / path)
        found[digest].append(Made(path, label, tuple(dict.fromkeys(map(known, written))), digest))
    for same in found.values():
        if other := next((one for one in same if one.label != same[0].label), None):
            raise InputError(
                f"{folder}: {same[0].path} ({same[0].label}) and {other.path} ({other.label}) are the same image under "
                "two classes; delete one"
            )
    return [found[digest][0] for digest in sorted(found)]


def open_made(file: Path, side: int) -> NDArray[np.uint8]:
    """An image as RGB, shape (side, side, 3).

    Raises
    ------
    InputError
        It can't be read as an image, or is too large.
    """
    try:
        found = open_image(file, PIXELS)
        image = to_rgb(found.image, found.bits if found.bits in DEPTHS else PLAIN)
    except UnreadableError as error:
        raise InputError(f"{file}: can't be read as an image ({error}); mend it or delete it") from error
    return np.asarray(squared(image, side, "squash"))


def _labels(folder: Path) -> Mapping[str, tuple[str, list[str]]]:
    """The class of each image, and what stands there of its parents, by its path."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} with images; put it there, or write where it is")
    found = dict(_named(folder)) if (folder / TABLE).is_file() else dict(_in_class_folders(folder))
    if not found:
        raise InputError(
            f"{folder} holds no images: put those of each class into {folder}/<class>/, or name them in {TABLE} with "
            "the columns path and label"
        )
    return found


def _in_class_folders(folder: Path) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    for file in folder.rglob("*"):
        place = PurePosixPath(file.relative_to(folder).as_posix())
        is_hidden = any(part.startswith(".") for part in place.parts)
        if len(place.parts) > 1 and not is_hidden and file.is_file() and not kind_to_leave_out(file):
            yield str(place), (place.parts[0], [])


def _named(folder: Path) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    """The rows of the table."""
    shown = str(folder / TABLE)
    table = read_table(folder / TABLE, shown)
    if lacking := [name for name in ("path", "label") if name not in table.columns]:
        raise InputError(f"{shown} has no column {' and no column '.join(lacking)}; it needs path and label")
    paths = {row: cell_text(table.cell(row, "path")).replace("\\", "/") for row in table.rows}
    _refuse_rows(shown, "no label", [row for row in table.rows if not cell_text(table.cell(row, "label"))])
    _refuse_rows(shown, f"a path that is no file in {folder}", [row for row in paths if not _is_in(folder, paths[row])])
    places = {row: str(PurePosixPath(path)) for row, path in paths.items()}
    seen: dict[str, int] = {}
    _refuse_rows(
        shown,
        "a path that stands in a row above",
        [row for row, path in places.items() if seen.setdefault(path, row) != row],
    )
    for row, path in places.items():
        yield path, (cell_text(table.cell(row, "label")), _parents(table, row))


def _parents(table: ImageTable, row: int) -> list[str]:
    written = cell_text(table.cell(row, "parents")).split(";")
    return [one.strip() for one in written if one.strip()]


def _is_in(folder: Path, path: str) -> bool:
    """Whether a path names a file in a folder, and doesn't lead out of it."""
    place = PurePosixPath(path)
    return bool(path) and not place.is_absolute() and ".." not in place.parts and (folder / place).is_file()


def _refuse_rows(shown: str, what: str, rows: list[int]) -> None:
    if rows:
        named = first_few([str(row) for row in rows], 10)
        raise InputError(f"{shown}, row{'s' * (len(rows) > 1)} {named}: {what}; mend the table")


def _image_id(written: str) -> str:
    """The id of a training image that is named by its id, or by its path below ``data/raw`` or the workspace."""
    path = written.replace("\\", "/").removeprefix("./").removeprefix(f"{RAW.as_posix()}/")
    if _is_in(RAW, path):
        return _sha256(RAW / path)[:16]
    return written.lower() if IMAGE_ID.fullmatch(written.lower()) else written


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
