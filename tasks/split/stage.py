"""Stage `split`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from tasks.files import write_json
from tasks.progress import say
from tasks.split import FROZEN
from tasks.split.assignment import make_split
from tasks.split.console import summary_lines
from tasks.split.frozen import read_frozen
from tasks.split.leak_check import check_accepted, find_leaks
from tasks.split.summary import moved, summarise
from tasks.tables import CATALOG, GROUPS, PAIRS, SPLITS
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/splits`` from ``data/catalog``, ``data/groups`` and ``data/frozen.csv``."""
    params = workspace.params.split
    catalog = workspace.read(CATALOG)
    workspace.params.require(sorted(catalog["label"].dropna().unique()))
    groups = workspace.read(GROUPS)
    pairs = workspace.read(PAIRS)
    frozen = read_frozen(workspace.path(*FROZEN.parts))

    assignment = make_split(catalog, groups, params, frozen if params.frozen else None, pairs)
    leaks = find_leaks(assignment.splits, catalog, groups, pairs)
    check_accepted(leaks, params.accept)
    summary = summarise(assignment)
    summary["leaks"] = leaks.as_json(params.accept)
    # Not where images keep their places: the summary, and with it all that follows, is the same after freezing.
    summary["moved"] = moved(assignment.splits, frozen) if not params.frozen and len(frozen) else {}
    with workspace.output("data", "splits") as folder:
        SPLITS.write(assignment.splits, folder / SPLITS.file)
        write_json(folder / "summary.json", summary)
    for line in summary_lines(summary, leaks, catalog, frozen, params):
        say(line)
