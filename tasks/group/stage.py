"""Stage `group`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tasks.features import Features
from tasks.files import write_json
from tasks.group.linkage import connect, refuse_large
from tasks.group.name_series import column_hints, hints, told
from tasks.group.near import Near, find_near
from tasks.group.pictures import stored_pictures
from tasks.group.relations import find_relations
from tasks.ingest.reading import TABLE, cell_text, read_table
from tasks.progress import say
from tasks.tables import CATALOG, GROUPS, PAIRS
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/groups`` from ``data/catalog``, ``data/features`` and the images."""
    params = workspace.params.group
    catalog = workspace.read(CATALOG)
    known = find_relations(catalog, params)
    found = Near(PAIRS.empty(), {})
    if params.near:
        features = Features.load(workspace.path("data", "features", params.backbone))
        found = find_near(catalog, features, stored_pictures(workspace, catalog), params, workspace.workers)
    near, refused = refuse_large(found.pairs, params.max_size)
    pairs = pd.concat([known, near], ignore_index=True) if len(near) else known
    groups = connect(catalog["image_id"], pairs)
    path_of = catalog.set_index("image_id")["path"]
    group = catalog["image_id"].map(groups.set_index("image_id")["group"])
    summary = found.summary | {
        "refused": [{"size": len(images), "images": path_of[images].tolist()} for images in refused],
        "hints": [
            *_column_hints(workspace, catalog, group),
            *hints(catalog["path"], catalog["label"], group, catalog["part"]),
        ],
    }
    with workspace.output("data", "groups") as folder:
        GROUPS.write(groups, folder / GROUPS.file)
        PAIRS.write(pairs, folder / PAIRS.file)
        write_json(folder / "summary.json", summary)
    sizes = groups["group"].value_counts()
    say(f"{len(sizes):,} groups of {len(groups):,} images; {int((sizes > 1).sum()):,} hold relatives")
    for kind, number in pairs["kind"].value_counts().sort_index().items():
        say(f"{number:,} pairs of kind {kind}")
    for images in refused:
        say(
            f"{len(images):,} images that look alike would be one group, more than group.max_size ({params.max_size}): "
            f"only those that are all alike were kept together; the first is {path_of[images[0]]}"
        )
    for hint in summary["hints"]:
        say(f"{told(hint)} equipoise run {hint['remedy']}")


def _column_hints(workspace: Workspace, catalog: pd.DataFrame, group: pd.Series) -> list[dict[str, Any]]:
    """Columns of the user's table that may tell relatives, where the user gave no groups."""
    file = workspace.path("data", "raw", TABLE)
    if catalog["group"].notna().any() or not file.is_file():
        return []
    table = read_table(file, f"data/raw/{TABLE}")
    paths = {row: cell_text(table.cell(row, "path")) for row in table.rows}
    cells = {name: {paths[row]: cell_text(value) for row, value in table.column(name).items()} for name in table.others}
    return column_hints(cells, catalog["path"], group)
