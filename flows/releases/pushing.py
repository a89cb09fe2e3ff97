"""Releases in DVC's remote. (`dvc push --all-tags` pushes the present version only, treeverse/dvc#10617.)"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flows.errors import error_chain
from flows.git import require_commits
from flows.releases.naming import Release, known, list_releases
from flows.releases.revisions import Revision
from flows.releases.store import Store
from flows.repository import open_repo
from tasks.errors import InputError
from tasks.files import read_json, write_json
from tasks.progress import say
from tasks.workspace import STATE

PUSHED = Path(STATE, "pushed.json")
LATER = "`equipoise releases --push` pushes it later"


def push_all(root: Path) -> bool:
    """Push what every release needs to DVC's default remote; whether all are there now.

    Raises
    ------
    InputError
        There are no releases, or no default remote.
    """
    require_commits(root)
    releases = list_releases(root)
    if not releases:
        raise InputError(known(root))
    with open_repo(root) as repo:
        store = Store(repo)
        if not store.remote:
            raise InputError("DVC has no default remote: `dvc remote add -d NAME URL` first")
        versions = [(Revision(root, store, one.name, one.commit), one.card.get("recipe")) for one in releases]
        done = [push(version, needed_by(version, recipe)) for version, recipe in versions]
    return all(done)


def needed_by(version: Revision, recipe: str | None) -> list[str]:
    """Paths of the outputs that a release of `recipe` can't do without; all of them where its card doesn't say."""
    if recipe in version.recipes:
        return version.locked.needed_by(f"balance@{recipe}")
    return list(version.locked.outputs)


def push(version: Revision, outputs: list[str]) -> bool | None:
    """Push outputs of a version to the default remote; whether that worked, None if there is no remote."""
    from dvc.exceptions import DvcException

    store, name = version.store, version.name
    if not store.remote:
        say(f"DVC has no default remote, so the data stand in this cache only (dvc remote add -d NAME URL; {LATER})")
        return None
    try:
        failed = store.push([md5 for path in outputs for md5 in version.contents(path)])
        problem = f"{failed:,} files did not get there" if failed else ""
    except (DvcException, InputError, OSError, ImportError) as error:
        problem = error_chain(error)
    if problem:
        say(f"the push of {name} to {store.remote} failed: {problem}")
        say(f"the release stands, in this cache; {LATER}")
        return False
    write_json(version.root / PUSHED, _pushed(version.root) | {f"{name} {version.commit}": store.remote})
    say(f"DVC: all that {name} needs stands in the remote {store.remote}")
    return True


def pushed_to(root: Path, releases: Iterable[Release]) -> dict[str, str]:
    """The remote that each of these releases was pushed to from this workspace, as far as it knows."""
    pushed = _pushed(root)
    return {one.name: pushed[key] for one in releases if (key := f"{one.name} {one.commit}") in pushed}


def _pushed(root: Path) -> dict[str, str]:
    """Remotes by name and commit: a name may be given up, and to another version."""
    return dict(read_json(root / PUSHED)) if (root / PUSHED).is_file() else {}
