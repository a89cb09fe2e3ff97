"""Every readable image is one row, nothing else is lost silently, and mistakes are told so that they can be mended."""

import ast
import hashlib
import os
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tasks.errors import InputError
from tasks.files import read_json
from tasks.ingest import reasons
from tasks.ingest.catalog import ingest, summarise
from tasks.ingest.examine import examine
from tasks.ingest.labels import count_measured
from tasks.ingest.left_out import left_out_text, read_left_out, with_left_out
from tasks.ingest.reading import read_csv
from tasks.ingest.sources import list_files
from tasks.ingest.stage import run
from tasks.params.models import Ingest
from tasks.row_store import RowStore
from tasks.slugs import slug, slugs
from tasks.tables import CATALOG, REJECTED
from tasks.workspace import Workspace


def save(path, seed, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(values).save(path, **options)


@pytest.fixture
def raw(tmp_path):
    """Two classes of five images, one in a deeper folder, all different."""
    folder = tmp_path / "data" / "raw"
    for number in range(5):
        save(folder / "cat" / f"{number}.png", number)
        save(folder / "dog" / ("deep/er" if number == 4 else "") / f"{number}.png", 100 + number)
    return folder


def parameters(**values):
    return Ingest(**{"min_images": 2, "max_failed_share": 0.5, **values})


def take_in(raw, workers=1, **values):
    return ingest(raw, parameters(**values), workers, RowStore(raw.parent / "rows"))


def table(raw, *lines):
    (raw / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def error(raw, **values):
    with pytest.raises(InputError) as caught:
        take_in(raw, **values)
    return str(caught.value)


# What becomes a row


def test_the_class_is_the_first_folder_and_each_image_one_row(raw):
    catalog, rejected = take_in(raw)
    CATALOG.check(catalog)
    REJECTED.check(rejected)
    assert dict(zip(catalog["path"], catalog["label"], strict=True)) == {
        **{f"cat/{number}.png": "cat" for number in range(5)},
        **{f"dog/{number}.png": "dog" for number in range(4)},
        "dog/deep/er/4.png": "dog",
    }
    assert len(rejected) == 0
    assert list(catalog["image_id"]) == sorted(digest[:16] for digest in catalog["sha256"])


def test_what_operating_systems_and_git_leave_behind_is_skipped(raw):
    for name in (".gitignore", "cat/.DS_Store", "cat/Thumbs.db", "dog/._0.png", ".hidden/x.png"):
        (raw / name).parent.mkdir(exist_ok=True)
        (raw / name).write_bytes(b"x")
    catalog, rejected = take_in(raw)
    assert (len(catalog), len(rejected)) == (10, 0)


def test_images_directly_in_the_raw_folder_are_unlabelled(raw):
    save(raw / "new.png", 55)
    catalog, rejected = take_in(raw)
    assert catalog.loc[catalog["label"].isna(), "path"].tolist() == ["new.png"]
    summary = summarise(catalog, rejected)
    assert (summary["unlabelled"], summary["classes"]) == (1, {"cat": 5, "dog": 5})


def test_files_with_the_same_content_are_one_row_with_all_paths(raw):
    (raw / "cat" / "again.png").write_bytes((raw / "cat" / "0.png").read_bytes())
    (raw / "unlabelled.png").write_bytes((raw / "cat" / "0.png").read_bytes())
    catalog, _ = take_in(raw)
    row = catalog[catalog["path"] == "cat/0.png"].iloc[0]
    assert list(row["paths"]) == ["cat/0.png", "cat/again.png", "unlabelled.png"]
    assert row["label"] == "cat"
    assert len(catalog) == 10


def test_the_same_content_under_two_labels_is_set_aside(raw):
    (raw / "dog" / "copy.png").write_bytes((raw / "cat" / "0.png").read_bytes())
    catalog, rejected = take_in(raw)
    assert len(catalog) == 9
    assert rejected["path"].tolist() == ["cat/0.png", "dog/copy.png"]
    assert set(rejected["reason"]) == {"conflicting labels"}
    assert "label cat and dog" in rejected["detail"][0]


@pytest.mark.parametrize("column", ["group", "part"])
def test_the_same_content_in_two_groups_or_parts_is_set_aside(raw, column):
    (raw / "cat" / "copy.png").write_bytes((raw / "cat" / "0.png").read_bytes())
    values = {"cat/0.png": "train", "cat/copy.png": "test"}
    table(raw, f"path,label,{column}", *(f"{path},{path[:3]},{values.get(path, '')}" for path in list_files(raw)))
    catalog, rejected = take_in(raw)
    assert len(catalog) == 9
    assert rejected["reason"].tolist() == [f"conflicting {column}s"] * 2


def test_what_only_one_of_two_same_files_is_given_holds_for_both(raw):
    (raw / "cat" / "copy.png").write_bytes((raw / "cat" / "0.png").read_bytes())
    table(
        raw,
        "path,label,group,part",
        *(f"{path},{path[:3]},{'g,test' if path == 'cat/copy.png' else ','}" for path in list_files(raw)),
    )
    catalog, _ = take_in(raw)
    row = catalog[catalog["path"] == "cat/0.png"].iloc[0]
    assert (row["group"], row["part"]) == ("g", "test")


def test_images_saved_again_have_the_same_pixels_but_another_content(raw):
    Image.open(raw / "cat" / "0.png").save(raw / "cat" / "again.png", compress_level=1, dpi=(300, 300))
    catalog, _ = take_in(raw)
    pair = catalog[catalog["path"].isin(["cat/0.png", "cat/again.png"])]
    assert pair["sha256"].nunique() == 2
    assert pair["pixels"].nunique() == 1


# What one file holds


def test_folders_pipes_and_links_that_lead_nowhere_or_out_are_reported(tmp_path):
    (tmp_path / "x.png").mkdir()
    (tmp_path / "broken.png").symlink_to("nowhere.png")
    (tmp_path / "outside.png").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.png")
    assert examine(tmp_path, "x.png", 100).reason == "not a file"
    assert examine(tmp_path, "pipe.png", 100).reason == "not a file"
    assert examine(tmp_path, "broken.png", 100).reason == "broken link"
    assert examine(tmp_path, "outside.png", 100).reason == "link out of data/raw"
    assert examine(tmp_path, "bad\udcff.png", 100).reason == "name is not UTF-8"


def test_what_examining_finds_is_what_the_file_holds(tmp_path):
    path = tmp_path / "a.png"
    save(path, 1)
    facts = examine(tmp_path, "a.png", 10**6).facts
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts["width"], facts["height"], facts["bytes"]) == (16, 12, path.stat().st_size)


# What is set aside


def spoil(raw):
    data = (raw / "dog" / "0.png").read_bytes()
    (raw / "cat" / "truncated.png").write_bytes(data[: len(data) // 2])
    (raw / "cat" / "empty.jpg").write_bytes(b"")
    (raw / "cat" / "words.jpg").write_text("not a photo")
    (raw / "cat" / "notes.txt").write_text("not meant to be one")
    (raw / "cat" / "broken.png").symlink_to("nowhere.png")
    (raw / "cat" / "outside.png").symlink_to("/etc/hostname")
    (raw / "cat" / "folder.png").mkdir()
    (raw / "cat" / "linked_folder").symlink_to("../dog")
    save(raw / "cat" / "large.png", 7)
    Image.new("L", (400, 300)).save(raw / "cat" / "large.png")


def test_whatever_fails_is_set_aside_with_the_reason_and_the_rest_goes_on(raw):
    spoil(raw)
    catalog, rejected = take_in(raw, max_pixels=100_000)
    assert len(catalog) == 10
    assert dict(zip(rejected["path"], rejected["reason"], strict=True)) == {
        "cat/truncated.png": "damaged",
        "cat/empty.jpg": "empty file",
        "cat/words.jpg": "not an image",
        "cat/notes.txt": "other file",
        "cat/broken.png": "broken link",
        "cat/outside.png": "link out of data/raw",
        "cat/linked_folder": "not a file",
        "cat/large.png": "too many pixels",
    }


def test_a_link_to_another_file_below_the_raw_folder_is_followed(raw):
    (raw / "cat" / "link.png").symlink_to(raw / "cat" / "0.png")
    catalog, _ = take_in(raw)
    assert ["cat/0.png", "cat/link.png"] in [list(paths) for paths in catalog["paths"]]


def test_whole_files_of_an_unusual_kind_are_rows_and_counted_aloud(raw, capsys):
    for number in range(2):
        save(raw / "cat" / f"j{number}.jpg", 50 + number)
        data = (raw / "cat" / f"j{number}.jpg").read_bytes()
        (raw / "cat" / f"j{number}.jpg").write_bytes(data[:-2])
    catalog, rejected = take_in(raw)
    assert (len(catalog), len(rejected)) == (12, 0)
    assert "unusual, but whole and used: 2 files, no end marker" in capsys.readouterr().out


def test_a_name_that_is_not_utf8_is_set_aside_in_readable_letters(raw):
    (raw / "cat" / "0.png").rename(raw / "cat" / os.fsdecode(b"b\xe9b\xe9.png"))
    catalog, rejected = take_in(raw)
    REJECTED.check(rejected)
    assert len(catalog) == 9
    assert rejected["path"].tolist() == [r"cat/b\xe9b\xe9.png"]


def test_more_failures_than_allowed_stop_the_run_with_all_reasons(raw):
    spoil(raw)
    message = error(raw, max_pixels=100_000, max_failed_share=0.1)
    assert "7 of 17 images could not be read" in message
    line = message.splitlines()[-1]
    assert line == "  equipoise run --set ingest.max_failed_share=0.42"
    take_in(raw, max_pixels=100_000, max_failed_share=float(line.rpartition("=")[2]))
    assert "damaged: 1 files, such as cat/truncated.png" in message
    take_in(raw, max_pixels=100_000, max_failed_share=7 / 17)


def test_files_that_were_never_meant_as_images_do_not_count_as_failures(raw):
    for number in range(10):
        (raw / "cat" / f"{number}.json").write_text("{}")
    catalog, rejected = take_in(raw, max_failed_share=0)
    assert (len(catalog), set(rejected["reason"])) == (10, {"other file"})


def test_what_was_never_meant_as_an_image_is_told_by_its_content_and_has_no_say_in_the_classes(raw):
    (raw / "cat" / "weights.pkl").write_bytes(b"\x80\x04\x95\0\0")
    (raw / "scripts" / "deep").mkdir(parents=True)
    (raw / "scripts" / "README").write_text("words")
    (raw / "scripts" / "deep" / "run.py").write_text("print()")
    os.mkfifo(raw / "scripts" / "pipe")
    (raw / "dog" / "really a photo.txt").write_bytes((raw / "cat" / "0.png").read_bytes()[:-60])
    catalog, rejected = take_in(raw, max_failed_share=0.5)
    assert sorted(catalog["label"].unique()) == ["cat", "dog"]
    labels = rejected["label"].fillna("")
    assert dict(zip(rejected["path"], zip(rejected["reason"], labels, strict=True), strict=True)) == {
        "cat/weights.pkl": ("other file", "cat"),
        "scripts/README": ("other file", ""),
        "scripts/deep/run.py": ("other file", ""),
        "scripts/pipe": ("not a file", ""),
        "dog/really a photo.txt": ("damaged", "dog"),
    }


def test_a_file_that_a_table_names_was_meant_as_an_image_whatever_it_is_called(raw):
    (raw / "cat" / "notes.txt").write_text("words")
    table(raw, "path,label", "cat/notes.txt,a", *(f"cat/{n}.png,a" for n in range(3)), "dog/0.png,b", "dog/1.png,b")
    _, rejected = take_in(raw, max_failed_share=0.5)
    reasons = dict(zip(rejected["path"], rejected["reason"], strict=True))
    assert reasons["cat/notes.txt"] == "not an image"


def test_if_no_image_can_be_read_that_is_said(raw):
    for path in list_files(raw):
        (raw / path).write_bytes(b"")
    assert "no image in data/raw could be read" in error(raw, max_failed_share=1)


# Classes


def test_classes_can_be_renamed_merged_and_left_out(raw):
    for number in range(5):
        save(raw / "wolf" / f"{number}.png", 200 + number)
        save(raw / "blurred" / f"{number}.png", 300 + number)
    catalog, rejected = take_in(raw, rename={"wolf": "dog", "cat": "Cat"}, drop=["blurred"])
    assert catalog["label"].value_counts().to_dict() == {"dog": 10, "Cat": 5}
    assert rejected["reason"].tolist() == ["dropped class"] * 5


def test_renaming_or_dropping_an_unknown_class_names_the_nearest(raw):
    assert "ingest.rename: there is no class 'cta' (did you mean 'cat'?)" in error(raw, rename={"cta": "x"})
    assert "ingest.drop: there is no class 'Dog' (did you mean 'dog'?)" in error(raw, drop=["Dog"])
    assert "both name the class 'cat'" in error(raw, drop=["cat"], rename={"cat": "x"})


def test_a_raw_folder_that_is_missing_empty_or_without_two_classes_is_refused(tmp_path, raw):
    assert "equipoise sample" in error(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "holds no images" in error(tmp_path / "empty")
    assert "only the class 'dog'" in error(raw, drop=["cat"])
    save(tmp_path / "flat" / "a.png", 1)
    assert "there is no class in data/raw" in error(tmp_path / "flat")


def test_an_unreadable_folder_is_named(raw, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert "can't be read: Permission denied" in error(raw)


def test_small_classes_are_named_with_the_ways_out(raw):
    save(raw / "rare" / "0.png", 50)
    message = error(raw, min_images=4)
    assert "fewer than 4 images: 'rare' (1)" in message
    assert message.endswith(
        "\n  equipoise run --set ingest.min_images=1\n  equipoise run --set 'ingest.drop=[\"rare\"]'"
    )
    for way in ("ingest.drop", "ingest.rename", "ingest.min_images"):
        assert way in message


def test_a_class_that_is_small_only_because_its_files_are_the_same_is_refused_too(raw):
    for number in range(1, 5):
        (raw / "cat" / f"{number}.png").write_bytes((raw / "cat" / "0.png").read_bytes())
    assert "'cat' (1)" in error(raw)


def test_class_names_that_differ_by_case_only_are_refused_unless_merged(raw):
    for number in range(5):
        save(raw / "Cat" / f"{number}.png", 400 + number)
    assert "'Cat', 'cat'" in error(raw)
    catalog, _ = take_in(raw, rename={"Cat": "cat"})
    assert catalog["label"].value_counts()["cat"] == 10


def test_folders_named_after_parts_are_not_taken_for_classes(tmp_path):
    for at, part in enumerate(("train", "Test")):
        for number in range(5):
            save(tmp_path / part / "cat" / f"{number}.png", 20 * at + number)
            save(tmp_path / part / "dog" / f"{number}.png", 20 * at + 10 + number)
    catalog, _ = take_in(tmp_path)
    assert catalog.groupby(["label", "part"]).size().to_dict() == {
        ("cat", "test"): 5,
        ("cat", "train"): 5,
        ("dog", "test"): 5,
        ("dog", "train"): 5,
    }


# The table


def rows_of(raw):
    return [f"{path},{path[:3]}" for path in list_files(raw) if path != "table.csv"]


def test_a_table_gives_labels_groups_and_parts(raw):
    lines = [f"{path},{'x' if number % 2 else 'NA'},g{number // 2},val" for number, path in enumerate(list_files(raw))]
    table(raw, "\ufeffPath, Label,group,part,photographer", *(f"{line},Ann" for line in lines))
    catalog, rejected = take_in(raw)
    expected = {line.split(",")[0]: tuple(line.split(",")[1:]) for line in lines}
    found = {row.path: (row.label, row.group, row.part) for row in catalog.itertuples()}
    assert found == expected
    assert len(rejected) == 0


def test_further_columns_also_without_a_name_are_ignored(raw):
    table(raw, "path,label,,age", *(f"{line},,7" for line in rows_of(raw)))
    catalog, _ = take_in(raw)
    assert len(catalog) == 10


def test_files_that_the_table_does_not_name_are_set_aside(raw):
    table(raw, "path,label", *rows_of(raw)[1:])
    catalog, rejected = take_in(raw)
    assert len(catalog) == 9
    assert rejected[["path", "reason"]].to_numpy().tolist() == [["cat/0.png", "not in the table"]]


def test_rows_without_a_label_are_unlabelled_images(raw):
    table(raw, "path,label", "cat/0.png,", *rows_of(raw)[1:])
    catalog, _ = take_in(raw)
    assert catalog.loc[catalog["label"].isna(), "path"].tolist() == ["cat/0.png"]


@pytest.mark.parametrize(
    ("lines", "parts_of_the_message"),
    [
        (["path,name", "cat/0.png,cat"], ["no column label"]),
        (["path:label", "cat/0.png:cat"], ["no column path", "it has path:label"]),
        (["path,label,part", "cat/0.png,cat,train", "cat/1.png,cat,dev"], ["row 3", "a part other than"]),
        (["path,label", "../cat/0.png,cat"], ["row 2", "lead out of data/raw"]),
        (["path,label", "/etc/hostname,cat"], ["row 2", "lead out of data/raw"]),
        (["path,label", "cat/0.png,cat", ",dog"], ["row 3", "no path"]),
        (["path,label", "cat/0.png,cat", "cat/1.png,cat,more"], ["row 3", "more values than columns"]),
        (["path,label", "cat/0.png,cat", "cat/0.png,cat"], ["rows 2, 3", "several rows"]),
        (["path,label", 'cat/0.png,"cat'], ["not a CSV table"]),
    ],
)
def test_mistakes_in_the_table_are_told_with_their_rows(raw, lines, parts_of_the_message):
    table(raw, *lines)
    message = error(raw)
    for part in parts_of_the_message:
        assert part in message


def test_missing_files_are_counted_and_the_first_three_named(raw):
    table(raw, "path,label", *rows_of(raw), *(f"cat/lost{number:02}.png,cat" for number in range(12)))
    message = error(raw)
    assert "names 12 files that are not there" in message
    assert "'cat/lost00.png' (row 12)" in message
    assert "cat/lost02.png" in message
    assert "cat/lost03.png" not in message
    assert "9 more" in message


@pytest.mark.parametrize(
    "lines",
    [
        ["path,label", "cat/0.png,\"['cat', 'dog']\"", "cat/1.png,cat"],
        ["path,label", "cat/0.png,cat|dog", "cat/1.png,cat"],
        ["path,label", 'cat/0.png,"cat, dog"', "cat/1.png,cat", "dog/1.png,dog"],
        ["path,label1,label2", "cat/0.png,cat,dog"],
        ["path,label,label_2", "cat/0.png,cat,dog"],
        ["path,cat,dog", "cat/0.png,1,0", "cat/1.png,1,1"],
        ["path,label", "cat/0.png,cat", "cat/0.png,dog"],
    ],
)
def test_multi_label_tables_are_refused_in_so_many_words(raw, lines):
    table(raw, *lines)
    assert "multi-label" in error(raw)


def test_commas_in_the_name_of_one_class_are_no_multi_label(raw):
    table(raw, "path,label", *(f'{path},"animal, {path[:3]}"' for path in list_files(raw)))
    catalog, _ = take_in(raw)
    assert set(catalog["label"]) == {"animal, cat", "animal, dog"}


def test_continuous_labels_are_refused_but_numbered_classes_are_not(raw):
    for number in range(60):
        save(raw / "cat" / f"more{number}.png", 500 + number)
    paths = list_files(raw)
    table(raw, "path,label", *(f"{path},{number / 7:.3f}" for number, path in enumerate(paths)))
    message = error(raw)
    assert "continuous" in message
    assert "70 different numbers" in message
    table(raw, "path,label", *(f"{path},{number % 2}" for number, path in enumerate(paths)))
    catalog, _ = take_in(raw)
    assert set(catalog["label"]) == {"0", "1"}


# The same inputs, the same bytes


def test_what_add_left_out_stands_among_the_rejected_files(raw):
    rows = [("cat/7.dcm", "cat", "DICOM", "export it"), ("cat/0.png", "", "video", "is an image by now")]
    text = left_out_text({"path": p, "label": label, "reason": r, "detail": d} for p, label, r, d in rows)
    (raw.parent / "left_out.csv").write_text(text)
    catalog, rejected = take_in(raw)
    joined = with_left_out(catalog, rejected, read_left_out(raw.parent / "left_out.csv"))
    REJECTED.check(joined)
    assert joined.to_dict("records") == [dict(zip(joined.columns, rows[0], strict=True))]
    assert summarise(catalog, joined)["rejected"] == {"DICOM": 1}
    assert len(read_left_out(raw.parent / "none.csv")) == 0


def test_a_table_of_left_out_files_that_makes_no_sense_is_refused(raw):
    for text in ("path,reason\n", "path,label,reason,detail\na,b\n", 'path,label,reason,detail\n"a,b,c,d\n'):
        (raw.parent / "left_out.csv").write_text(text)
        with pytest.raises(InputError, match=r"left_out.csv: .*get the file back from git"):
            read_left_out(raw.parent / "left_out.csv")


def test_results_do_not_depend_on_workers_or_on_where_the_folder_stands(raw, tmp_path, monkeypatch):
    spoil(raw)
    for number in range(60):
        save(raw / "dog" / f"more{number}.png", 600 + number)
    written = []
    for workers, root in (("1", raw.parents[1]), ("2", tmp_path / "moved")):
        if workers == "2":
            raw.parents[1].joinpath("data").rename(tmp_path / "data2")
            root.mkdir()
            (tmp_path / "data2").rename(root / "data")
        monkeypatch.setenv("EQUIPOISE_WORKERS", workers)
        workspace = Workspace(root)
        workspace.__dict__["params"] = SimpleNamespace(ingest=parameters(max_pixels=100_000))
        run(workspace, "")
        folder = root / "data" / "catalog"
        written.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
        assert read_json(folder / "summary.json")["classes"] == {"cat": 5, "dog": 65}
    assert written[0] == written[1]
    assert set(written[0]) == {"catalog.parquet", "rejected.parquet", "summary.json"}


# Slugs


def test_slugs_are_safe_and_lower_case():
    assert slug("Likely defective") == "likely_defective"
    assert slug("a/b\\c:d..e") == "a_b_c_d_e"
    assert slug("Café-1") == "cafe-1"
    for label in ("病害", "🐱", "...", "x" * 300, "Ω1"):
        assert set(slug(label)) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
        assert 0 < len(slug(label)) <= 64


def test_slugs_of_a_set_are_unique_or_refused():
    assert slugs(["b", "A 1", "病", "害"]).keys() == {"b", "A 1", "病", "害"}
    assert len(set(slugs(["病", "害", "猫1", "犬1", "x" * 70, "x" * 71]).values())) == 6
    for pair in (["Cat", "cat"], ["a b", "a_b"], ["C", "C++"]):
        with pytest.raises(InputError, match=r"differ only by case or signs"):
            slugs(pair)


# Reasons, and the reader of tables


def test_every_reason_that_code_can_give_is_in_the_one_list(repository):
    given = set()
    for file in [repository / "tasks/images.py", *(repository / "tasks/ingest").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                at = {"UnreadableError": 0, "_rejection": 1}.get(node.func.id)
                given |= set(ast.walk(node.args[at])) if at is not None else set()
    literals = {node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert literals == set()
    named = {node.id for node in given if isinstance(node, ast.Name)} & vars(reasons).keys()
    aside = {*reasons.FAILURES, *reasons.ON_PURPOSE}
    assert {getattr(reasons, name) for name in named - {"CONFLICTING"}} == aside
    assert aside.isdisjoint(reasons.CONFLICTING.values())


def test_a_cell_is_found_by_its_columns_last_name_whatever_its_case_and_spaces(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("\ufeffLabel; Path ;path;;Group\n\ncat;1.png;2.png\ndog;3.png;4.png;;g;more\n", encoding="utf-8")
    found = read_csv(path, delimiters=",;\t")
    assert found.names == ["Label", " Path ", "path", "", "Group"]
    assert list(found.rows) == [3, 4]
    assert [[found.cell(row, name) for name in ("path", "label", "group", "part")] for row in found.rows] == [
        ["2.png", "cat", None, None],
        ["4.png", "dog", "g", None],
    ]
    assert found.longer == [4]


@pytest.mark.parametrize(
    ("labels", "number"),
    [
        ([str(n / 7) for n in range(51)], 51),
        ([str(n / 7) for n in range(50)], 0),
        ([str(n) for n in range(99)], 0),
        ([*(str(n / 7) for n in range(51)), "cat"], 0),
        ([], 0),
    ],
)
def test_many_different_fractions_are_a_measurement(labels, number):
    assert count_measured(labels) == number
