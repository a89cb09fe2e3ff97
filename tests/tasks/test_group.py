"""Relatives are found, whatever the order of the rows, and a group is named by its smallest image."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tasks.group import chain, connect, find_pairs, run
from tasks.params.models import Group
from tasks.tables import CATALOG, GROUPS, PAIRS
from tasks.workspace import Workspace


def catalog_of(rows):
    """A catalog of rows (image_id, group, pixels); what does not matter here is filled in."""
    ids, groups, pixels = zip(*rows, strict=True)
    frame = pd.DataFrame({"image_id": ids, "group": groups, "pixels": pixels})
    fixed = {"label": "a", "part": None, "width": 1, "height": 1, "mode": "L", "format": "PNG", "frames": 1, "bytes": 1}
    fixed |= {"phash": "0", "taken": None, "camera": None, "orientation": 1, "latitude": None, "longitude": None}
    fixed |= {"dpi": None, "jpeg_quality": None, "sharpness": 1.0}
    frame = frame.assign(path=frame["image_id"], sha256=frame["image_id"], **fixed)
    return frame.assign(paths=[[name] for name in ids])[CATALOG.schema.names]


def groups_of(catalog, **params):
    return connect(catalog["image_id"], find_pairs(catalog, Group(**params))).set_index("image_id")["group"].to_dict()


ROWS = [
    ("e", "g2", "p5"),
    ("a", "g1", "p1"),
    ("c", None, "p1"),
    ("b", "g1", "p2"),
    ("d", "g2", "p4"),
    ("f", None, "p2"),
]


def test_given_groups_and_same_pixels_tie_images_together_and_add_up():
    assert groups_of(catalog_of(ROWS)) == {"a": "a", "b": "a", "c": "a", "f": "a", "d": "d", "e": "d"}


def test_each_kind_can_be_switched_off():
    rows = catalog_of(ROWS)
    assert groups_of(rows, given=False) == {"a": "a", "c": "a", "b": "b", "f": "b", "d": "d", "e": "e"}
    assert groups_of(rows, content=False) == {"a": "a", "b": "a", "c": "c", "d": "d", "e": "d", "f": "f"}
    assert groups_of(rows, given=False, content=False) == {name: name for name in "abcdef"}


def test_a_group_of_g_images_is_held_by_a_chain_of_pairs():
    rows = catalog_of([(f"{number:03}", "patient", f"p{number}") for number in range(100)])
    pairs = find_pairs(rows, Group())
    assert len(pairs) == 99
    assert (pairs["first"] < pairs["second"]).all()
    assert set(pairs["kind"]) == {"given"}
    assert set(groups_of(rows).values()) == {"000"}


def test_the_kinds_of_relation_are_told_apart():
    pairs = find_pairs(catalog_of(ROWS), Group())
    PAIRS.check(pairs)
    assert sorted(pairs[["first", "second", "kind"]].itertuples(index=False, name=None)) == [
        ("a", "b", "given"),
        ("a", "c", "content"),
        ("b", "f", "content"),
        ("d", "e", "given"),
    ]


def test_images_without_a_value_are_not_related_by_it():
    assert len(chain(catalog_of([("a", None, "1"), ("b", None, "2")]), "group", "given")) == 0


def test_groups_are_the_components_that_a_slow_search_finds():
    generator = np.random.default_rng(0)
    rows = [(f"{n:03}", f"g{generator.integers(60)}", f"p{generator.integers(150)}") for n in range(200)]
    found = groups_of(catalog_of([rows[index] for index in generator.permutation(200)]))
    related = {name: {name} for name, _, _ in rows}
    changed = True
    while changed:
        changed = False
        for one, group, pixels in rows:
            for other, other_group, other_pixels in rows:
                if (group == other_group or pixels == other_pixels) and related[one] is not related[other]:
                    merged = related[one] | related[other]
                    related.update(dict.fromkeys(merged, merged))
                    changed = True
    assert found == {name: min(others) for name, others in related.items()}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_changes_no_byte_of_the_output(tmp_path, seed):
    written = []
    for folder, rows in (("sorted", sorted(ROWS, key=lambda row: row[0])), ("mixed", ROWS)):
        workspace = Workspace(tmp_path / folder)
        workspace.__dict__["params"] = SimpleNamespace(group=Group())
        (workspace.root / "data" / "catalog").mkdir(parents=True)
        shuffled = [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))]
        CATALOG.write(catalog_of(shuffled), workspace.path("data", "catalog", "catalog.parquet"))
        run(workspace, "")
        output = workspace.path("data", "groups")
        GROUPS.read(output / "groups.parquet")
        written.append({path.name: path.read_bytes() for path in output.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {"groups.parquet", "pairs.parquet"}
