"""How images come into the workspace, as copies or as links, and what disk they take."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from flows.dataset.entries import Plan
from flows.repository import open_repo
from tasks.disk import readable_size, require_space
from tasks.errors import InputError
from tasks.files import require_free
from tasks.workspace import STATE


class Way(StrEnum):
    """How a file comes into `data/raw`, and from there into DVC's cache."""

    REFLINK = "reflink"  # shares its blocks until one of them is changed; not every file system can
    LINK = "link"  # one file under several names, which DVC makes read-only
    COPY = "copy"


def choose_way(root: Path, sources: Iterable[Path], asked: Way | None = None) -> Way:
    """The way that was asked for, if it can be gone; else the cheapest that is safe: reflinks where they can be made.

    A hard link is only made on request: whoever changes the original in spite of its protection changes every version.

    Raises
    ------
    InputError
        The file systems of the images and the workspace can't do what was asked.
    """
    if asked is Way.COPY:
        return asked
    reached = _one_a_disk(sources)
    if asked is None:
        return Way.REFLINK if reached and all(_can(Way.REFLINK, root, one) for one in reached) else Way.COPY
    for one in reached:
        if not _can(asked, root, one):
            what = "share blocks with" if asked is Way.REFLINK else "be a hard link of"
            raise InputError(
                f"--{asked}: a file in {root} can't {what} {one}"
                + (", since they are on different disks" if one.stat().st_dev != root.stat().st_dev else "")
                + ("; a workspace on the same disk could" if asked is Way.LINK else "; Btrfs, XFS and APFS can")
                + ". Leave the option out, and the images are copied"
            )
    if asked is Way.LINK and _cache(root).stat().st_dev != root.stat().st_dev:
        raise InputError(
            f"--link: DVC's cache is on another disk, at {_cache(root)}. Leave the option out, and the images are "
            "copied"
        )
    return asked


def bring(source: Path, target: Path, way: Way) -> None:
    """Put a file to `target`, which must be free; raises `OSError` where that fails."""
    require_free(target)  # reflinks and copies would write over what is there
    if way is Way.LINK:
        os.link(source.resolve(), target)
    elif way is Way.REFLINK:
        from dvc_objects.fs import system

        clone: Callable[[str, str], None] = system.reflink
        clone(str(source), str(target))
    else:
        shutil.copyfile(source, target)


def check_space(root: Path, plan: Plan, way: Way) -> str:
    """Say what bringing the images that a plan copies means for the disk.

    Raises
    ------
    InputError
        There is not enough free space.
    """
    if not plan.copies:
        return "data/raw holds all of them already"
    needed = plan.copied_bytes
    if way is Way.LINK:
        return (
            f"needs no disk: {readable_size(needed)} of images, their files here, and DVC's cache are the same files; "
            "they become read-only, since whoever changes one changes every version"
        )
    if way is Way.REFLINK:
        return f"needs no disk: {readable_size(needed)} of images share their blocks with the originals"
    cache = _cache(root)
    needs = {root: needed, cache: needed}
    if root.stat().st_dev == cache.stat().st_dev:
        needs = {root: 2 * needed}
    for folder, size in needs.items():
        require_space(folder, size, "the images and their copy in DVC's cache; --link needs none on the same disk")
    return f"needs {readable_size(2 * needed)} of disk: the images, and the same again in DVC's cache"


def link_types(way: Way) -> list[str] | None:
    """How DVC's cache and `data/raw` share files, in the words of its setting `cache.type`; None as that says."""
    return ["hardlink"] if way is Way.LINK else None


def _cache(root: Path) -> Path:
    """The folder of DVC's cache, or the nearest above it that exists."""
    with open_repo(root, wait=False) as repo:
        cache = Path(repo.cache.local.path)
    while not cache.exists():
        cache = cache.parent
    return cache


def _one_a_disk(files: Iterable[Path]) -> list[Path]:
    return list({file.stat().st_dev: file for file in files}.values())


def _can(way: Way, root: Path, source: Path) -> bool:
    """Whether it works, tried with one file."""
    trial = root / STATE / "scratch" / f"trial-{uuid4().hex}"
    trial.parent.mkdir(parents=True, exist_ok=True)
    try:
        bring(source, trial, way)
    except OSError:
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True
