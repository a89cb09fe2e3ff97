"""`dvc.yaml` of a workspace that shares the installed code: the one graph, in which code stands below `CODE`.

It is written from the graph of the installed code and follows it: with another version the next command writes it anew.
Its first line holds a digest of the others, so that one that was edited is known, and never overwritten.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from flows.git import find_commit, read_at
from flows.workspaces import shipped
from tasks.errors import InputError
from tasks.files import write_bytes, write_text
from tasks.params.schema import SCHEMA, laid_out, params_schema
from tasks.workspace import STATE

GRAPH = "dvc.yaml"
CODE = f"{STATE}/code"  # where the stand-ins of files of the code are, as the code itself is in a clone
STANDING = {  # what the graph depends on where nothing was chosen, and what it is called in the folder `files`
    "data/features/none/README.md": "no_features.md",
    "data/synthetic/none/README.md": "no_synthetic.md",
    "ensembles/README.md": "no_ensembles.md",  # whose folder `evaluate` depends on
    "models/backbones/none/README.md": "no_pretrained.md",
}
HEAD = "# Written from Equipoise's installed code, which it follows; once edited, it is refused. sha256 "
INTRODUCTION = f"""\
# The one graph. `dvc repro` runs it as it stands; `equipoise run` runs it in parallel, under Prefect, into MLflow.
# The dependencies below {CODE} are stand-ins: each holds the digest of a file of the installed code, and
# any command of `equipoise` that asks what is stale brings them up to date.
"""


def graph_text() -> str:
    """The file's text, as the installed code has the graph."""
    graph = re.sub(r"\A(#.*\n)+", "", shipped("graph.yaml").decode("utf-8"))
    graph = re.sub(r"(?m)^( +- )(?=tasks/)", rf"\g<1>{CODE}/", graph)
    rest = INTRODUCTION + graph
    return f"{HEAD}{_digest(rest)}\n{rest}"


def shares_code(root: Path) -> bool:
    """Whether the workspace at `root` has no code of its own, by its `dvc.yaml`."""
    return f"- {CODE}/" in _text(root)


def follow_code(root: Path) -> None:
    """Bring what the graph stands on, `dvc.yaml` and the schema of `params.yaml` up to date with the installed code.

    The latter two where they are made from it.

    Raises
    ------
    InputError
        `dvc.yaml` was edited.
    """
    missing = [place for place in STANDING if not (root / place).is_file()]
    if not shares_code(root):
        _put_back(root, missing)
        return
    text, wanted = _text(root), graph_text()
    first, _, rest = text.partition("\n")
    if first != HEAD + _digest(rest):
        raise InputError(
            f"{root / GRAPH}: was edited, but is written from the installed code, whose next version would undo that. "
            "Undo it yourself (`git checkout dvc.yaml`), or work in a clone of Equipoise, whose graph is your own"
        )
    if text != wanted:
        write_text(root / GRAPH, wanted)
    for place in missing:
        write_bytes(root / place, shipped(STANDING[place]))
    write_schema(root)


def _put_back(root: Path, places: list[str]) -> None:
    """Write those files that the last commit has: who deletes a folder of results takes them along."""
    if places and find_commit(root, "HEAD"):
        for place in places:
            content = read_at(root, "HEAD", place)
            if content is not None:
                write_bytes(root / place, content)


def write_schema(root: Path) -> None:
    """Write the schema of `params.yaml`, for editors, unless it stands there."""
    path, wanted = root / SCHEMA, laid_out(params_schema()) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        write_text(path, wanted)


def _text(root: Path) -> str:
    try:
        return (root / GRAPH).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # which DVC tells
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
