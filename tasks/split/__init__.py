"""split: a held-out test part and k folds of the rest, every class everywhere, relatives never apart.

What is settled comes first: parts that the user gave and the assignment that is frozen in ``data/frozen.csv``
(`units`). The others are placed by the rule that `split.by` names (`by_class`, `by_time`, `by_group`), whole groups
together. A check that knows nothing of all this then looks for relatives on different sides (`leak_check`).
"""

from __future__ import annotations

from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/splits`` from ``data/catalog``, ``data/groups`` and ``data/frozen.csv``."""
    from tasks.files import write_json
    from tasks.progress import say
    from tasks.split.assignment import make_split
    from tasks.split.console import summary_lines
    from tasks.split.frozen import read_frozen
    from tasks.split.leak_check import check_accepted, find_leaks
    from tasks.split.summary import moved, summarise
    from tasks.tables import CATALOG, GROUPS, PAIRS, SPLITS

    params = workspace.params.split
    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    groups = GROUPS.read(workspace.path("data", "groups", "groups.parquet"))
    pairs = PAIRS.read(workspace.path("data", "groups", "pairs.parquet"))
    frozen = read_frozen(workspace.path("data", "frozen.csv"))

    assignment = make_split(catalog, groups, params, frozen if params.frozen else None)
    leaks = find_leaks(assignment.splits, catalog, groups, pairs)
    check_accepted(leaks, params.accept)
    summary = summarise(assignment)
    summary["leaks"] = leaks.as_json(params.accept)
    # Not where images keep their places: the summary, and with it all that follows, is the same after freezing.
    summary["moved"] = moved(assignment.splits, frozen) if not params.frozen and len(frozen) else {}
    with workspace.output("data", "splits") as folder:
        SPLITS.write(assignment.splits, folder / "splits.parquet")
        write_json(folder / "summary.json", summary)
    for line in summary_lines(summary, leaks, catalog, frozen, params):
        say(line)
