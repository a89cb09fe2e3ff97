"""`equipoise check`: what `explore` found wrong with the images, for people and for continuous integration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.plan import make_plan
from tasks.errors import InputError, did_you_mean
from tasks.files import read_json
from tasks.ingest.reasons import CONFLICTING, ON_PURPOSE
from tasks.tables import CATALOG, FLAGS, REJECTED

CORRUPT, CONFLICTS = "corrupt", "conflicts"
REPORT = Path("reports", "explore", "explore.json")
REMEDY = "`equipoise run explore` brings it up to date"


@dataclass(frozen=True)
class Issue:
    """One kind of fault.

    Attributes
    ----------
    name
        As `--fail-on` and the flags call it.
    paths
        The files that have it, below data/raw, the worst first.
    """

    name: str
    paths: list[str]


def find_issues(root: Path) -> list[Issue]:
    """All kinds of faults that the data was searched for, those without files too, by name.

    Raises
    ------
    InputError
        The report on the data is missing or stale.
    """
    if not FLAGS.place(root).is_file() or not (root / REPORT).is_file():
        raise InputError(f"there is no report on the data in reports/explore yet: {REMEDY}")
    stale = make_plan(root, ["explore"], tidy=False).stale
    if stale:
        why = "; ".join(f"{stage}: {', '.join(reasons)}" for stage, reasons in stale.items())
        raise InputError(f"the report on the data is not up to date ({why}): {REMEDY}")
    return read_issues(root)


def read_issues(root: Path) -> list[Issue]:
    """As `find_issues`, of a report that is known to be there and up to date."""
    flags, catalog, rejected = (table.read(table.place(root)) for table in (FLAGS, CATALOG, REJECTED))
    return issues_of(flags, catalog, rejected, known=read_json(root / REPORT)["flags"])


def issues_of(
    flags: pd.DataFrame, catalog: pd.DataFrame, rejected: pd.DataFrame, known: Sequence[str] = ()
) -> list[Issue]:
    """The faults that tables `FLAGS`, `CATALOG` and `REJECTED` tell of; `known` names flags, used or not."""
    aside = rejected[~rejected["reason"].isin(ON_PURPOSE)].sort_values("path")
    conflicting = aside["reason"].isin(CONFLICTING.values())
    paths = catalog.set_index("image_id")["path"]
    found: dict[str, list[str]] = {name: [] for name in (CORRUPT, *known)}
    worst_first = flags.sort_values(["flag", "score", "image_id"], ascending=[True, False, True])
    for name, rows in worst_first.groupby("flag"):
        found[str(name)] = paths.loc[rows["image_id"]].tolist()
    found[CORRUPT] = aside.loc[~conflicting, "path"].tolist()
    found[CONFLICTS] = aside.loc[conflicting, "path"].tolist() + found.get(CONFLICTS, [])
    return [Issue(name, found[name]) for name in sorted(found)]


def failing(issues: Sequence[Issue], fail_on: str) -> list[Issue]:
    """The issues that have files and that `fail_on`, names with commas between, asks for.

    Raises
    ------
    InputError
        A name is none of the issues'.
    """
    known = [issue.name for issue in issues]
    wanted = [name.strip() for name in fail_on.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InputError(f"--fail-on: there is no issue {name!r}{hint}; there are {', '.join(known)}")
    return [issue for issue in issues if issue.name in wanted and issue.paths]
