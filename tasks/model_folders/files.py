"""The files of a model's folder: which are read, what pins them, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tasks.errors import InputError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"  # which of several files holds which weights
READ = (CONFIG, "preprocessor_config.json", SHARDS, "*.safetensors")  # all of a folder that may be looked at
DIGITS = 32


@dataclass(frozen=True)
class FilesOfModel:
    """Which files of a folder hold a model.

    Attributes
    ----------
    read
        Patterns of all that may be looked at, below the folder.
    require
        Refuses a folder without a configuration, or without weights as safetensors (`InputError`).
    skipped
        Patterns of what is not looked at nevertheless.
    """

    read: tuple[str, ...]
    require: Callable[[Path], None]
    skipped: tuple[str, ...] = ()

    def inside(self, folder: Path) -> list[Path]:
        """The files of a folder that may be read, by name."""
        found = {file for pattern in self.read for file in folder.glob(pattern)}
        return sorted(
            file for file in found if not any(fnmatch(str(file.relative_to(folder)), one) for one in self.skipped)
        )

    def digest(self, folder: Path) -> str:
        """A digest of a model's files, of those that are read, by name and content.

        Raises
        ------
        InputError
            There is no folder, or it holds no configuration or no weights as safetensors.
        """
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder} with a model; put it there, or write where it is")
        self.require(folder)
        return digest_of_files(folder, self.inside(folder))


def digest_of_files(folder: Path, files: Iterable[Path]) -> str:
    """A digest of files below a folder, by name and content."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            name = file.relative_to(folder).as_posix()
            digest.update(name.encode() + b"\0" + hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:DIGITS]


def require_safe(folder: Path) -> None:
    """Refuse a folder without a configuration, or without weights as safetensors (`InputError`)."""
    if not (folder / CONFIG).is_file():
        raise InputError(
            f"{folder} holds no {CONFIG}, so no model; name a folder that `save_pretrained` of transformers or "
            "`save_for_hf` of timm has made"
        )
    if not (folder / WEIGHTS).is_file() and not (folder / SHARDS).is_file():
        raise InputError(
            f"{folder} holds no {WEIGHTS}, and weights of other formats can run code, so they are never loaded; where "
            "you trust them, load the model with its library and save it anew (`save_pretrained`, `save_for_hf` with "
            "safe_serialization=True)"
        )


MODEL = FilesOfModel(READ, require_safe)


def digest_of(folder: Path) -> str:
    """See `FilesOfModel.digest`, of one model."""
    return MODEL.digest(folder)


def files_of(folder: Path) -> list[Path]:
    """See `FilesOfModel.inside`, of one model."""
    return MODEL.inside(folder)


def json_of(folder: Path, name: str) -> dict[str, Any]:
    """What a file of a model's folder says (`InputError` where it can't be read)."""
    try:
        found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
        return dict(found)
    except (OSError, ValueError, TypeError) as error:
        raise incomplete(folder, f"{name}: {error}") from error


def incomplete(folder: Path, why: object) -> InputError:
    """The error for a folder whose model can't be used."""
    return InputError(f"{folder} holds no model that can be used ({why}); name another folder")
