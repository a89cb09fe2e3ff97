"""Where a command may write what it makes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

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
