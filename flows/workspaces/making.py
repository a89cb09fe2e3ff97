"""`equipoise new`: makes a workspace that shares the installed code, whole or not at all."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from flows.addresses import require_usable_path
from flows.git import commit_only, git
from flows.graph_file import GRAPH, STANDING, graph_text, write_schema
from flows.output_place import made_beside
from flows.stand_ins import write_stand_ins
from flows.workspaces import shipped, workspace_above
from tasks.closure import ROOT
from tasks.errors import InputError
from tasks.files import write_bytes, write_text
from tasks.ingest.left_out import LEFT_OUT, left_out_text
from tasks.params import load_params
from tasks.progress import say
from tasks.split import FROZEN
from tasks.split.frozen import frozen_text
from tasks.tables import SPLITS

# As in a clone, but for what may have been set there for its own data, such as remotes.
DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
    autostage = false
"""
SHIPPED = {  # where a file goes, and what it is called in the folder `files`
    "params.yaml": "params.yaml",
    ".gitignore": "gitignore",
    ".dvcignore": "dvcignore",
    ".dvc/.gitignore": "dvc_gitignore",
    **STANDING,
}
MESSAGE = "A workspace of Equipoise"
INTRODUCE = "git config --global user.name 'Your Name' && git config --global user.email you@example.org"


def make_workspace(folder: Path) -> None:
    """Make the folder a workspace with a git and a DVC history of its own, and say what to type next.

    Parameters
    ----------
    folder
        One that is new or empty, in a folder that is there.

    Raises
    ------
    InputError
        It can't be made there; nothing is left behind.
    """
    folder = folder.absolute()
    folder = Path(os.path.realpath(folder.parent), folder.name)  # a link in its place is refused, not followed
    try:
        _require_place(folder)
        with made_beside(folder, ".equipoise-new-") as made:
            _fill(made)
            why_not = _commit(made)
    except OSError as error:
        raise InputError(f"{folder}: could not be made ({error.strerror}); nothing was left behind") from error
    say(f"{folder}: a workspace with parameters, data, results and git history of its own.")
    say(f"It runs the code in {ROOT}; its params.yaml is a copy of that code's.")
    if why_not:
        say(f"git made no first commit: {why_not}\nThen:")
        say(f"  cd {shlex.quote(str(folder))} && git add -A && git commit -m {shlex.quote(MESSAGE)}")
    say("Next, for instance:")
    for line in (f"cd {shlex.quote(str(folder))}", "equipoise add ~/photos --dry-run", "equipoise add ~/photos"):
        say(f"  {line}")
    say("  equipoise run --quick")


def _require_place(folder: Path) -> None:
    """Refuse a folder that can't become a workspace (`InputError`)."""
    require_usable_path(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is there, and is no folder; name one that is new or empty")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a folder that is new or empty")
    if not folder.parent.is_dir():
        raise InputError(f"{folder}: there is no folder {folder.parent}; make it first")
    if folder.exists() and folder.samefile(Path.cwd()):
        raise InputError(
            f"{folder}: you are in that folder, which would be replaced by the finished one: "
            f"`cd ..` first, then `equipoise new {shlex.quote(folder.name)}`"
        )
    above = workspace_above(folder.parent)
    if above is not None:
        raise InputError(
            f"{folder}: lies in another workspace, {above}; name a folder outside of it, for instance "
            f"{shlex.quote(str(above.parent / folder.name))}"
        )


def _fill(made: Path) -> None:
    for place, name in SHIPPED.items():
        write_bytes(made / place, shipped(name))
    write_text(made / GRAPH, graph_text())
    write_text(made / ".dvc/config", DVC_CONFIG)
    write_text(made / FROZEN, frozen_text(SPLITS.empty()))
    write_text(made / LEFT_OUT, left_out_text([]))
    write_schema(made)
    try:
        write_stand_ins(made, load_params(made / "params.yaml"))
    except InputError as error:
        raise InputError(f"{error}\n{ROOT / 'params.yaml'}, which would be copied, is wrong: mend it first") from None


def _commit(made: Path) -> str:
    """Make a git repository and a first commit in it; returns why git didn't commit, or nothing."""
    git(made, "init", "--quiet", "--initial-branch=main")
    try:
        git(made, "var", "GIT_COMMITTER_IDENT")
    except InputError:
        return f"it doesn't know who you are. Tell it:\n  {INTRODUCE}"
    try:
        commit_only(made, ["."], MESSAGE)
    except InputError as error:  # a hook, or a key to sign with that is missing
        return f"{error}. Mend that."
    return ""
