"""Where a command may write what it makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from flows.lockfile import RAW
from tasks.errors import InputError


def require_place(root: Path, out: Path, option: str = "--to") -> None:
    """Refuse, before anything is computed, a place where no file can or should be written (`InputError`)."""
    if out.is_dir():
        raise InputError(f"{out}: is a folder; name the file that is to be written with {option}")
    if out.resolve().is_relative_to((root / RAW).resolve()):
        raise InputError(f"{out}: lies in {RAW}, whose version it would change; choose another {option}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise InputError(f"{out}: nothing can be written there ({error.strerror}); choose another {option}") from error


def is_taken(folder: Path) -> bool:
    """Whether something stands where a folder is to appear: all but an empty one."""
    return folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir())))


@contextmanager
def made_beside(folder: Path, prefix: str) -> Iterator[Path]:
    """A new folder that takes the place of `folder` when the block ends without an error, or else is gone."""
    with TemporaryDirectory(prefix=prefix, dir=folder.parent, ignore_cleanup_errors=True) as own:
        beside = Path(own, folder.name)  # open to others as new folders are, which a temporary one is not
        beside.mkdir()
        yield beside
        beside.rename(folder)
