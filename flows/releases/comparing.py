"""`equipoise diff`: which versions and recipes are meant, read without a checkout, and compared."""

from __future__ import annotations

from pathlib import Path

from flows.git import require_commits
from flows.releases.difference import Difference, compare
from flows.releases.naming import Release, resolve
from flows.releases.revisions import WORKING_TREE, Revision
from flows.releases.snapshots import take
from flows.releases.store import Store
from flows.repository import open_repo
from tasks.errors import InputError


def diff(root: Path, first: str, second: str | None = None, recipe: str | None = None) -> Difference:
    """Compare two versions.

    Parameters
    ----------
    root
        The project's folder.
    first, second
        Releases or git revisions; the working tree where `second` is None.
    recipe
        Whose balanced sets are compared; by default those of the releases, or all that both versions have.

    Raises
    ------
    InputError
        A name is unknown, or a version's tables can't be had.
    """
    require_commits(root)
    with open_repo(root) as repo:
        store = Store(repo)
        versions, releases = [], []
        for text in (first, second):
            commit, release = ("", None) if text is None else resolve(root, text)
            versions.append(Revision(root, store, text or WORKING_TREE, commit))
            releases.append(release)
        pairs = _pairs(versions, releases, recipe)
        snapshots = [
            take(version, list(dict.fromkeys(pair[side] for pair in pairs))) for side, version in enumerate(versions)
        ]
    return compare(snapshots[0], snapshots[1], pairs)


def _pairs(versions: list[Revision], releases: list[Release | None], recipe: str | None) -> list[tuple[str, str]]:
    """The recipes to compare, one of each version."""
    if recipe:
        if not any(recipe in version.recipes for version in versions):
            known = ", ".join(dict.fromkeys(name for version in versions for name in version.recipes)) or "none"
            raise InputError(f"neither version has a balanced set of the recipe {recipe!r}; they have {known}")
        return [(recipe, recipe)]
    named = [release.card.get("recipe") if release else None for release in releases]
    if any(named):
        return [(str(named[0] or named[1]), str(named[1] or named[0]))]
    return [(name, name) for name in versions[0].recipes if name in versions[1].recipes]
