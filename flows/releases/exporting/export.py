"""Exporting a version: planned, checked against the disk, written beside its place, renamed, in this order."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from flows.git import read_at, require_commits
from flows.output_place import is_taken
from flows.releases.exporting import csv, imagefolder, parquet, webdataset
from flows.releases.exporting.images import Images
from flows.releases.exporting.rows import PARTS, Parts, collect_rows
from flows.releases.naming import Release, card_path, resolve
from flows.releases.revisions import WORKING_TREE, Revision
from flows.releases.store import Store
from flows.repository import open_repo
from tasks.disk import readable_size, require_space
from tasks.errors import InputError
from tasks.files import write_json
from tasks.progress import say
from tasks.workspace import STATE

ROW_BYTES = 3_000  # what a row costs beside its image: headers, names, lineage
SHOWN = 5
IMAGE_FOLDER_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Format:
    """A format of export.

    Attributes
    ----------
    write
        Writes one part.
    links
        Whether images stay files of their own, which can be links.
    """

    write: Callable[[Parts, str, Path, Images], None]
    links: bool


FORMATS = {
    "imagefolder": Format(imagefolder.write, links=True),
    "webdataset": Format(webdataset.write, links=False),
    "parquet": Format(parquet.write, links=False),
    "csv": Format(csv.write, links=True),
}


def export(
    root: Path,
    text: str,
    kind: str,
    to: Path,
    *,
    part: str = "all",
    recipe: str | None = None,
    strip_exif: bool = False,
) -> dict[str, int]:
    """Write a version of a balanced dataset to a folder that is new or empty; it appears whole or not at all.

    Parameters
    ----------
    root
        The project's folder.
    text
        A release, or a git revision.
    kind
        One of `FORMATS`.
    to
        The folder.
    part
        One of `PARTS`, or ``all``: those that have images.
    recipe
        Whose balanced set is the part `train`; needed where `text` is no release.
    strip_exif
        Take EXIF and the like out of the originals too; new images have none.

    Returns
    -------
    dict of str to int
        Images a part.

    Raises
    ------
    InputError
        A name is unknown, the folder is in use, the disk is too small, or images can't be had. Nothing was written.
    """
    _check(kind, FORMATS, "format")
    _check(part, (*PARTS, "all"), "part")
    require_commits(root)
    commit, release = resolve(root, text)
    target = to.absolute()
    with open_repo(root) as repo:
        version = Revision(root, Store(repo), text, commit)
        recipe = choose_recipe(version, release, recipe)
        _check_target(version, target)
        parts = collect_rows(version, recipe, PARTS if part == "all" else (part,))
        parts = Parts({name: rows for name, rows in parts.rows.items() if rows}, parts.classes)
        if not parts.rows:
            raise InputError(f"{text} has no images in the part {part}; choose another --part")
        every = [row for rows in parts.rows.values() for row in rows]
        images = Images(root, version.store, every, f"images of {text}", strip_metadata=strip_exif)
        with _appearing(target) as folder:
            links = FORMATS[kind].links
            _check_space(
                folder,
                sum(images.size(row) for row in every if not (links and images.linkable(row, folder))),
                len(every),
            )
            for name in parts.rows:
                FORMATS[kind].write(parts, name, folder, images)
            _write_about(version, release, recipe, parts, folder)
    _tell(parts, images, kind, strip_exif=strip_exif)
    return {name: len(rows) for name, rows in parts.rows.items()}


def choose_recipe(version: Revision, release: Release | None, recipe: str | None) -> str:
    """The recipe that was asked for, or that of the release.

    Raises
    ------
    InputError
        The version has no such recipe, or none was asked for and it is no release.
    """
    chosen = recipe or (release.card.get("recipe") if release else None)
    known = ", ".join(version.recipes) or "none"
    if chosen is None:
        raise InputError(f"{version.name} is no release, so name a recipe with --recipe; it has {known}")
    if chosen not in version.recipes:
        raise InputError(f"{version.name} has no balanced set of the recipe {chosen!r}; it has {known}")
    return str(chosen)


def _check(value: str, known: Sequence[str] | dict[str, Format], what: str) -> None:
    if value not in known:
        raise InputError(f"there is no {what} {value!r}; there are {', '.join(known)}")


def _check_target(version: Revision, target: Path) -> None:
    """Refuse a folder that holds something, or that lies in what git, DVC or Equipoise keep."""
    if is_taken(target):
        raise InputError(f"{target}: must be a new folder, or an empty one, so that nothing is overwritten")
    if not target.parent.is_dir():
        raise InputError(f"{target.parent}: there is no such folder; make it first")
    kept = [".git", ".dvc", STATE, *Revision(version.root, version.store, WORKING_TREE).locked.outputs]
    for path in kept:
        if target.resolve().is_relative_to((version.root / path).resolve()):
            raise InputError(f"{target}: lies in {path}, which the project itself keeps; choose another folder")


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """A new folder beside `target` that takes its place when the block ends, and goes if it ends in an error."""
    prefix = f".{target.name}.export-"
    for left in target.parent.iterdir():
        ours = re.fullmatch(rf"{re.escape(prefix)}(\d+)-[a-z0-9_]{{8}}", left.name)  # as tempfile names folders
        if ours and not psutil.pid_exists(int(ours[1])):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=target.parent))
    try:
        folder.chmod(0o755)  # not only for its maker, as temporary folders are
        yield folder
        folder.replace(target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise InputError(
                f"the disk of {target.parent} is full; nothing was left there. Free some space, and try again"
            ) from error
        raise InputError(
            f"could not write {target}: {error}; nothing was left there. Mend that, and try again"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_space(folder: Path, image_bytes: int, rows: int) -> None:
    needed = image_bytes + rows * ROW_BYTES
    require_space(folder.parent, needed, "the images, and what an export says of each")
    say(f"needs about {readable_size(needed)} of disk")


def _write_about(version: Revision, release: Release | None, recipe: str, parts: Parts, folder: Path) -> None:
    """``export.json``, and the release's card, so that licence and sources travel with the images."""
    write_json(
        folder / "export.json",
        {
            "release": release.name if release else None,
            "commit": version.commit,
            "recipe": recipe,
            "classes": parts.classes,
            "images": {name: len(rows) for name, rows in parts.rows.items()},
        },
    )
    card = read_at(version.root, version.commit, card_path(release.name, ".md")) if release else None
    if card:
        (folder / "README.md").write_bytes(card)


def _tell(parts: Parts, images: Images, kind: str, *, strip_exif: bool) -> None:
    """What a user should know of the export besides."""
    every = [row for rows in parts.rows.values() for row in rows]
    others = Counter(row.suffix for row in every if row.suffix not in IMAGE_FOLDER_SUFFIXES)
    if kind == "imagefolder" and others:
        kinds = ", ".join(f"{number:,} {suffix}" for suffix, number in sorted(others.items()))
        say(f"torchvision's ImageFolder leaves out {kinds}: it doesn't know their endings")
    located = sum(row.located for row in every)
    if located and not strip_exif:
        say(f"{located:,} images say where they were taken (GPS); --strip-exif takes that out")
    if strip_exif and images.unstripped:
        shown = ", ".join(images.unstripped[:SHOWN])
        say(
            f"{len(images.unstripped):,} images may hold metadata: these can't be taken out without loss, so the files "
            f"stayed as they were: {shown}"
        )
    for part, rows in parts.rows.items():
        absent = [label for label in parts.classes if label not in {row.facts["label"] for row in rows}]
        if absent:
            say(f"the part {part} has no images of {', '.join(absent)}: a reader of folders counts fewer classes there")
