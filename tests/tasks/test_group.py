"""Relatives are found, whatever the order of the rows, and a group is named by its smallest image."""

import random
import shlex
import uuid
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tasks.errors import InputError
from tasks.group.linkage import complete_linkage, connect, refuse_large
from tasks.group.name_series import column_hints, hints
from tasks.group.relations import captured, chain, find_relations
from tasks.group.stage import run
from tasks.params.models import Group
from tasks.tables import CATALOG, GROUPS, PAIRS
from tasks.workspace import Workspace


def catalog_of(rows):
    """A catalog of rows (image_id, group, pixels); what does not matter here is filled in."""
    ids, groups, pixels = zip(*rows, strict=True)
    frame = pd.DataFrame({"image_id": ids, "group": groups, "pixels": pixels})
    fixed = {
        "label": "a",
        "part": None,
        "width": 1,
        "height": 1,
        "mode": "L",
        "depth": 8,
        "format": "PNG",
        "frames": 1,
        "bytes": 1,
    }
    fixed |= {"taken": None, "camera": None, "orientation": 1, "latitude": None, "longitude": None}
    fixed |= {"dpi": None, "jpeg_quality": None, "sharpness": 1.0}
    frame = frame.assign(path=frame["image_id"], sha256=frame["image_id"], **fixed)
    return frame.assign(paths=[[name] for name in ids], phash=[["0"] * 8] * len(ids))[CATALOG.schema.names]


def groups_of(catalog, **params):
    return (
        connect(catalog["image_id"], find_relations(catalog, Group(backbone="toy", **params)))
        .set_index("image_id")["group"]
        .to_dict()
    )


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
    pairs = find_relations(rows, Group(backbone="toy"))
    assert len(pairs) == 99
    assert (pairs["first"] < pairs["second"]).all()
    assert set(pairs["kind"]) == {"given"}
    assert set(groups_of(rows).values()) == {"000"}


def test_the_kinds_of_relation_are_told_apart():
    pairs = find_relations(catalog_of(ROWS), Group(backbone="toy"))
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
        workspace.__dict__["params"] = SimpleNamespace(group=Group(backbone="toy", near=False))
        (workspace.root / "data" / "catalog").mkdir(parents=True)
        shuffled = [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))]
        CATALOG.write(catalog_of(shuffled), workspace.path("data", "catalog", "catalog.parquet"))
        run(workspace, "")
        output = workspace.path("data", "groups")
        GROUPS.read(output / "groups.parquet")
        written.append({path.name: path.read_bytes() for path in output.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {"groups.parquet", "pairs.parquet", "summary.json"}


def named(*paths):
    return pd.Series(paths)


def test_names_that_agree_in_what_a_pattern_captures_tie_images_together():
    catalog = catalog_of([(name, None, name) for name in ("p1_a.png", "p1_b.png", "p2_a.png", "x.png")])
    pairs = find_relations(catalog, Group(backbone="toy", name_pattern=r"^(p\d+)_"))
    assert pairs[["first", "second", "kind"]].to_numpy().tolist() == [["p1_a.png", "p1_b.png", "name"]]


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(InputError, match=r"name_pattern.*matches no path"):
        find_relations(catalog_of([("a.png", None, "1")]), Group(backbone="toy", name_pattern="(q)"))


def near_pairs(*pairs):
    return pd.DataFrame(pairs, columns=["first", "second", "distance"]).assign(kind="near")[PAIRS.schema.names]


def test_a_chain_of_near_images_is_one_group_though_its_ends_are_not_alike():
    pairs = near_pairs(("a", "b", 0.1), ("b", "c", 0.1), ("c", "d", 0.1))
    left, refused = refuse_large(pairs, max_size=4)
    assert refused == []
    assert connect("abcd", left)["group"].nunique() == 1


def test_a_group_above_the_largest_size_is_refused_and_its_cliques_are_kept():
    pairs = near_pairs(
        ("a", "b", 0.01), ("a", "c", 0.02), ("b", "c", 0.03), ("c", "d", 0.2), ("d", "e", 0.02), ("x", "y", 0.3)
    )
    left, refused = refuse_large(pairs, max_size=4)
    assert refused == [["a", "b", "c", "d", "e"]]
    kept = {tuple(pair) for pair in left[["first", "second"]].to_numpy()}
    assert kept == {("a", "b"), ("a", "c"), ("b", "c"), ("d", "e"), ("x", "y")}


def test_complete_linkage_joins_only_what_is_all_alike_the_nearest_first():
    pairs = near_pairs(("a", "b", 0.2), ("b", "c", 0.1), ("c", "d", 0.3))
    assert complete_linkage(pairs, max_size=10) == {"a": "a", "b": "b", "c": "b", "d": "d"}


def test_series_of_patients_and_frames_are_offered_as_hints():
    paths = named(*(f"a/patient_{p:02}_view{v}.png" for p in range(10) for v in range(3)))
    first = hints(paths)[0]
    assert (first["meaning"], first["groups"], first["images"]) == ("the same patient or subject", 10, 30)
    assert "patient_00" in first["example"]
    frames = named(*(f"b/road{clip}-{frame:04}.jpg" for clip in "abcd" for frame in range(9)))
    assert [(hint["groups"], hint["largest"]) for hint in hints(frames)][:1] == [(4, 9)]
    days = named(*(f"c/IMG_202401{day:02}_{n:06}.jpg" for day in range(10, 20) for n in range(3)))
    assert hints(days)[0]["meaning"] == "the same day"


def test_folders_and_pieces_of_names_with_codes_are_offered_with_what_a_split_would_leak():
    people = [f"{kind}/{kind[0]}{person:02}" for kind in ("good", "bad") for person in range(8)]
    views = named(*(f"{one}/{view}/{shot}.png" for one in people for view in ("near", "far") for shot in range(2)))
    (found,) = hints(views, views.str.split("/").str[0])
    assert (found["groups"], found["images"], found["largest"]) == (16, 64, 4)
    assert found["leak"] == pytest.approx(1 - 0.2**3, abs=1e-3)
    assert "group.name_pattern=^[^/]+/([^/]+)/" in found["remedy"]
    assert captured(views, found["pattern"]).nunique() == 16
    flat = named(*(f"QX{code:02}-{view}_{shot}.png" for code in range(9) for view in "ab" for shot in range(2)))
    assert captured(flat, hints(flat)[0]["pattern"]).unique().tolist() == [f"QX{code:02}" for code in range(9)]
    numbered = named(*(f"{kind}/{day}/{shot}.png" for kind in "xy" for day in range(6) for shot in range(3)))
    assert captured(numbered, hints(numbered, numbered.str[0])[0]["pattern"]).nunique() == 12, "numbers start anew"


def test_names_that_only_repeat_the_class_or_the_part_are_no_hint():
    places = [f"{part}/{kind}" for part in ("train", "val", "test") for kind in ("cat", "dog")]
    counted = named(*(f"{place}/{place.replace('/', '_')}{shot}.png" for place in places for shot in range(9)))
    label, part = counted.str.split("/").str[1], counted.str.split("/").str[0]
    assert hints(counted, label, None, part) == []
    nested = named(
        *(f"seg_{part}/{kind}/seg_{part}{shot}.png" for kind in "xy" for part in ("train", "test") for shot in range(9))
    )
    label, part = nested.str.split("/").str[1], nested.str.extract("seg_([^/]+)/", expand=True)[0]
    assert hints(nested, label, None, part) == []
    turned = named(*(f"{kind}/{part}/{shot}.png" for kind in "xy" for part in ("train", "test") for shot in range(9)))
    label, part = turned.str.split("/").str[0], turned.str.split("/").str[1]
    assert hints(turned, label, None, part) == []


def test_what_groups_hold_together_already_is_no_hint_any_more():
    folders = [f"{kind}/{kind[0]}{person:02}" for kind in ("good", "bad") for person in range(8)]
    views = named(*(f"{one}/{shot}.png" for one in folders for shot in range(4)))
    labels = views.str.split("/").str[0]
    by_folder = views.str.rpartition("/")[0]
    assert hints(views, labels, by_folder) == []
    larger = by_folder.replace({"good/g00": "good/g01"})
    assert hints(views, labels, larger) == []
    torn = by_folder.where(views != "good/g00/0.png", "alone")
    assert hints(views, labels, torn) == hints(views, labels)
    cells = {"patient": dict(zip(views, by_folder, strict=True))}
    assert column_hints(cells, views, by_folder) == []
    assert column_hints(cells, views, torn) == column_hints(cells, views) != []


def test_columns_that_sound_like_it_and_repeat_are_offered():
    paths = named(*(f"{n}.png" for n in range(40)))
    cells = {
        "patient_id": {path: f"p{n // 4}" for n, path in enumerate(paths)},
        "age": {path: str(30 + n // 4) for n, path in enumerate(paths)},
        "camera": dict.fromkeys(paths, "only one"),
        "lot": {path: str(n) for n, path in enumerate(paths)},
    }
    (found,) = column_hints(cells, paths)
    assert (found["column"], found["groups"]) == ("patient_id", 10)
    assert "ingest.group_column=patient_id" in found["remedy"]
    (found,) = column_hints({"patient's id": cells["patient_id"]}, paths)
    assert shlex.split(found["remedy"]) == ["--set", "ingest.group_column=patient's id"]


def test_names_that_are_only_counted_through_give_no_hint():
    assert hints(named(*(f"cell{number:04}.png" for number in range(100)))) == []
    assert hints(named(*(f"{number}.png" for number in range(100)))) == []


@pytest.mark.parametrize(
    "name",
    [
        "{code}_{shot}",
        "{shot:03}_left_{code}",  # at the end
        "img_{code}_{shot:02}",
        "{x}-{y}-{code}",
        "{code}.scan.{shot}",
        "{code}{letter}",  # nothing between a number and a letter
        "{number}_x{x}_y{y}",
        "{number}-frame-{shot:03}",
        "aug_{shot}_{number}",
        "{number}_aug_{shot}",
        "{number}_rot{x}",
        "shot{number}_jpg.rf.{hash}",
        "plate{plate}_{well}_s{shot}",
        "{initials}_{shot:02}",
    ],
)
def test_the_piece_that_tells_relatives_is_found_wherever_it_stands_and_what_counts_within_is_no_hint(name):
    rows = []
    for at in range(24):
        for shot in range(4):
            said = {"code": f"QX{at:02}", "number": 1000 + at, "letter": "abcd"[shot], "x": 100 * shot, "y": 50 * shot}
            said |= {
                "hash": f"{at * 4 + shot:032x}",
                "plate": 1 + at // 12,
                "well": f"{'ABCD'[at % 4]}{at % 12 // 4 + 1:02}",
            }
            said |= {"initials": "ABCDEFGHIJKLMNOPQRSTUVWX"[at] + "Z"}
            kind = ("good", "bad")[at % 24 < 12]
            rows.append((f"{kind}/{name.format(shot=shot, **said)}.png", at, kind))
    paths = named(*(path for path, _, _ in rows))
    groups = pd.Series([at for _, at, _ in rows], index=paths.index)
    (found,) = hints(paths, paths.str.split("/").str[0])
    tied = captured(paths, found["pattern"])
    assert tied.groupby(groups).nunique().eq(1).all()
    assert tied.groupby(tied).transform("size").eq(4).all()
    assert (found["groups"], found["images"]) == (24, 96)


def test_changed_copies_go_with_the_image_that_they_were_made_of():
    paths = named(
        *(f"{kind}/{number}{end}.png" for kind in "ab" for number in range(9) for end in ("", "_flip", "_rot90"))
    )
    (found,) = hints(paths, paths.str[0])
    assert found["meaning"] == "changed copies of one image"
    assert captured(paths, found["pattern"]).tolist() == [path.split("_")[0].removesuffix(".png") for path in paths]


@pytest.mark.parametrize(
    "name", ["{}", "IMG_{:04}", "{:03}", "shot{:02}", "image ({})", "cam_640x480_{:04}", "{:04}_v2"]
)
@pytest.mark.parametrize("folder", ["{}", "{}/near", "{}/{part}"])
def test_numbers_that_start_anew_in_each_folder_are_no_hint(name, folder):
    places = dict.fromkeys(folder.format(kind, part=part) for kind in ("good", "bad") for part in ("north", "south"))
    paths = named(*(f"{place}/{name.format(shot)}.png" for place in places for shot in range(24)))
    assert [one for one in hints(paths, paths.str.split("/").str[0]) if "folder" not in one["meaning"]] == []


def test_patients_that_each_camera_shows_once_are_a_hint_beside_the_cameras():
    paths = named(
        *(f"{kind}/cam{camera}_{kind}{person:02}.png" for kind in "PQ" for camera in range(4) for person in range(9))
    )
    assert [found["groups"] for found in hints(paths, paths.str[0])] == [4, 18]


def test_a_hint_that_only_cuts_another_smaller_is_none_though_single_images_are_called_otherwise():
    people = [f"b/person{person}_virus_{shot}.png" for person in range(9) for shot in range(2)]
    paths = named(*people, *(f"a/IM-{number:04}-0001.png" for number in range(18)))
    assert [found["meaning"] for found in hints(paths, paths.str[0])] == ["the same patient or subject"]


@pytest.mark.parametrize(
    ("column", "tells"),
    [
        *(
            (name, True)
            for name in ("PatientID", "patientid", "Slide No", "mouse", "donors", "lot_number", "Acquisition Date")
        ),
        *(
            (name, False)
            for name in ("rating", "candidate", "community", "rapid", "slot_machined", "composite", "updated")
        ),
    ],
)
def test_columns_are_told_by_whole_words_of_their_names(column, tells):
    paths = named(*(f"{n}.png" for n in range(40)))
    cells = {column: {path: f"p{n // 4}" for n, path in enumerate(paths)}}
    assert bool(column_hints(cells, paths)) == tells


def test_pieces_of_random_names_that_repeat_by_chance_are_no_hint():
    rng = random.Random(7)
    ids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(4000)]
    for name in ("{}.png", "{}___RS_HL 12.png"):
        assert hints(named(*(f"{'ab'[at % 2]}/{name.format(one)}" for at, one in enumerate(ids)))) == []
