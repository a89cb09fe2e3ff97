"""What is asked of git: commits, refs, the content of a file at a revision, and to commit some files and no others."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import InputError


def git(root: Path, *arguments: str) -> str:
    """What ``git ARGUMENTS`` prints, run in `root`.

    Raises
    ------
    InputError
        Git refuses; the message is its own.
    """
    done = _run(root, *arguments)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise InputError(f"git {arguments[0]} failed: {said}")
    return done.stdout.decode(errors="replace").strip()


def require_commits(root: Path) -> None:
    """Refuse a folder that git doesn't keep, or has no commit of.

    Raises
    ------
    InputError
        There is no git repository at `root` or above, or it is empty.
    """
    if _run(root, "rev-parse", "--git-dir").returncode != 0:
        raise InputError(f"{root}: no git repository here; releases are git tags: `git init` and commit the project")
    if find_commit(root, "HEAD") is None:
        raise InputError(f"{root}: git has no commit yet; commit the project first: `git add -A && git commit`")


def find_commit(root: Path, revision: str) -> str | None:
    """The full hash of the commit that `revision` names, or None."""
    done = _run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def read_at(root: Path, revision: str, path: str) -> bytes | None:
    """The content that the file `path`, below `root`, has at `revision`; None where it has none.

    Raises
    ------
    InputError
        Git can't read the revision, or the file that it has there.
    """
    done = _run(root, "cat-file", "blob", f"{revision}:./{path}")
    if done.returncode == 0:
        return done.stdout
    if git(root, "ls-tree", "--name-only", revision, "--", path):
        said = done.stderr.decode(errors="replace").strip()
        raise InputError(f"git can't read {path} of {revision}: {said}; `git fetch` may bring it")
    return None


def list_at(root: Path, revision: str) -> list[str]:
    """Paths, relative to `root`, of all files below it that a revision has.

    Raises
    ------
    InputError
        Git can't read the revision.
    """
    return [path for path in git(root, "ls-tree", "-r", "-z", "--name-only", revision).split("\0") if path]


def list_commits(root: Path) -> list[str]:
    """Hashes of all commits that somebody may go back to, but for those on the way to them.

    They are the tips of all refs (branches, tags, branches of remotes, stashes, DVC's experiments), what the stacks of
    stashes hold besides, and the HEAD of each linked work tree.
    """
    # The types are asked for so that git reads the objects, and complains of those that it has lost.
    listed = git(root, "for-each-ref", "--format=%(refname) %(objecttype) %(*objecttype)").splitlines()
    refs = [line.split(" ")[0] for line in listed]
    names = ["HEAD", *refs, *(tree.head for tree in list_worktrees(root))]
    for ref in refs:
        # Git's own stack, and those in which DVC queues experiments.
        if ref == "refs/stash" or (ref.startswith("refs/exps/") and ref.endswith("/stash")):
            stashed = git(root, "log", "--walk-reflogs", "--format=%H", ref, "--").splitlines()
            # Of a stash the first parent is what it was made on; the others are the index, and untracked files.
            names += [f"{commit}{parent}" for commit in stashed for parent in ("", "^2", "^3")]
    found = (find_commit(root, name) for name in names)
    return list(dict.fromkeys(commit for commit in found if commit))


@dataclass(frozen=True)
class Worktree:
    """A work tree of the repository: its folder, and the commit that is checked out there; empty before the first."""

    folder: Path
    head: str


def list_worktrees(root: Path) -> list[Worktree]:
    """The repository's work trees, its own first."""
    trees = []
    for record in git(root, "worktree", "list", "--porcelain").split("\n\n"):
        fields = dict(line.partition(" ")[::2] for line in record.splitlines())
        if "worktree" in fields:
            trees.append(Worktree(Path(fields["worktree"]), fields.get("HEAD", "")))
    return trees


def commit_only(root: Path, paths: Sequence[str], message: str) -> bool:
    """Commit these files and nothing else, whatever is staged or changed besides; whether there was any change.

    Raises
    ------
    InputError
        Git refuses; the message is its own.
    """
    git(root, "add", "--", *paths)
    if not git(root, "diff", "--cached", "--name-only", "--", *paths):
        return False
    git(root, "commit", "--quiet", "--message", message, "--only", "--", *paths)
    return True


def uncommitted(root: Path, paths: Sequence[str]) -> list[str]:
    """Those files below `paths` that differ from the last commit, or are not in it."""
    if not paths:
        return []
    done = _run(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    return [entry[3:] for entry in done.stdout.decode(errors="replace").split("\0") if entry]


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        raise InputError("git is not installed, or not on the PATH; install it: releases are git tags") from None
