"""What a release is called, and what a name or a git revision on the command line stands for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.git import find_commit, git, read_at
from tasks.errors import InputError

TAG = "release/"
CARDS = "data/releases"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Release:
    """A release as git knows it.

    Attributes
    ----------
    name
        Without the ``release/`` of its tag.
    commit
        Full hash of the tagged commit.
    date
        When it was tagged, ``2026-01-31``.
    card
        What its card says, see `flows.releases.card.describe`; empty where the commit holds no readable card.
    """

    name: str
    commit: str
    date: str
    card: dict[str, Any]


def check_name(name: str) -> None:
    """Refuse what can't be the name of a release: of a tag, and of files on any system.

    Raises
    ------
    InputError
        The name is not legal.
    """
    if not _NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")):
        raise InputError(
            f"{name!r} can't name a release: use letters, digits, '.', '_' and '-', starting with a letter or digit, "
            "64 at most, no '..' and no '.' or '.lock' at the end; for instance v1 or 2026-01-cells"
        )


def card_path(name: str, suffix: str) -> str:
    """Where the card of a release stands: ``data/releases/<name>.md`` for people, ``.json`` for programs."""
    return f"{CARDS}/{name}{suffix}"


def list_releases(root: Path) -> list[Release]:
    """All releases, the oldest first."""
    fields = "%(refname:strip=2)%09%(objectname)%09%(*objectname)%09%(creatordate:short)%09%(objecttype)%(*objecttype)"
    lines = git(root, "for-each-ref", f"refs/tags/{TAG}", "--sort=creatordate", f"--format={fields}").splitlines()
    releases = []
    for line in lines:
        tag, own, target, date, kind = line.split("\t")
        if not kind.endswith("commit"):
            continue  # a tag of somebody else's making, on a file or a folder
        name, commit = tag.removeprefix(TAG), target or own
        releases.append(Release(name, commit, date, _card(root, commit, name)))
    return releases


def find_release(root: Path, name: str) -> Release | None:
    """The release of this name, or None."""
    return next((release for release in list_releases(root) if release.name == name), None)


def resolve(root: Path, text: str) -> tuple[str, Release | None]:
    """The commit that `text` stands for, and the release if it names one; a release goes before a git revision.

    Raises
    ------
    InputError
        It names neither; the message lists the releases.
    """
    release = find_release(root, text.removeprefix(TAG))
    if release:
        return release.commit, release
    commit = find_commit(root, text)
    if commit is None:
        raise InputError(f"{text!r} is neither a release nor a git revision; {known(root)}")
    return commit, None


def known(root: Path) -> str:
    """Which releases there are, for messages."""
    names = [release.name for release in list_releases(root)]
    if names:
        return f"the releases are {', '.join(names)}"
    return "there are no releases yet (`equipoise release NAME` makes one, `git fetch --tags` brings those of others)"


def _card(root: Path, commit: str, name: str) -> dict[str, Any]:
    try:
        card = json.loads(read_at(root, commit, card_path(name, ".json")) or b"{}")
    except ValueError:  # a tag of somebody else's making
        return {}
    return card if isinstance(card, dict) else {}
