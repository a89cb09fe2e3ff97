"""Models of the hub: the files that are read, and no others, downloaded once into the hub's own cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

from tasks.errors import InputError
from tasks.model_folders.files import FilesOfModel

FORBIDDEN = "EQUIPOISE_HUB_OFFLINE"  # what the user said by HF_HUB_OFFLINE, which stages set for everything else
NO = ("", "0", "false", "no", "off")


def place_of_hub(name: str, revision: str, files: FilesOfModel) -> Path:
    """The folder of the hub's cache with a model's files; those that it lacks are downloaded.

    Parameters
    ----------
    name
        Owner and name.
    revision
        The commit.
    files
        Which files hold the model; no others are downloaded.

    Raises
    ------
    InputError
        The hub doesn't answer, knows no such model or commit, or the user is offline; or there are no safetensors.
    """
    if is_here(name, revision, files):
        return _fetched(name, revision, files, here=True)
    if os.environ.get(FORBIDDEN, os.environ.get("HF_HUB_OFFLINE", "")).lower() not in NO:
        raise InputError(
            f"hub: {name} at {revision[:10]} is not here yet, and HF_HUB_OFFLINE forbids to download it; unset that "
            "once, or bring its files here and name their folder instead"
        )
    try:
        with _online():
            folder = _fetched(name, revision, files, here=False)
    except Exception as error:  # there are many ways for a hub to be away
        raise InputError(
            f"hub: {name} at {revision[:10]} could not be fetched ({type(error).__name__}: {error}); check both, "
            "or bring its files here and name their folder instead"
        ) from error
    files.require(folder)
    return folder


def is_here(name: str, revision: str, files: FilesOfModel) -> bool:
    """Whether the hub's cache has a model's files, so that none is downloaded."""
    try:
        files.require(_fetched(name, revision, files, here=True))
    except (LocalEntryNotFoundError, InputError):
        return False
    return True


def _fetched(name: str, revision: str, files: FilesOfModel, *, here: bool) -> Path:
    read, skipped = list(files.read), list(files.skipped)
    return Path(
        snapshot_download(name, revision=revision, local_files_only=here, allow_patterns=read, ignore_patterns=skipped)
    )


@contextmanager
def _online() -> Iterator[None]:
    """Let the library, which read at its import that it is offline, ask the hub."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
