"""explore: what the report says of the data, on images made to have a property or not."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from explore_data import EVIL, PLAIN, build, covered, finding, framed, noise, shaded, striped, tinted, two_classes
from PIL import ImageFilter

from tasks.explore.checks.class_counts import imbalance
from tasks.explore.dataset import Dataset
from tasks.explore.effects import CONSTANT, LARGE, NEGLIGIBLE, UNCLEAR, effect
from tasks.explore.registered_checks import all_checks
from tasks.explore.report import write_report
from tasks.statistics.auc import auc_interval

# --- how strongly a measure goes with a class -------------------------------------------------------------------------


def test_relatives_count_once_in_an_interval():
    generator = np.random.default_rng(2)
    values, inside = generator.normal(size=80), np.arange(80) < 40
    alone = effect(values, inside, np.arange(80))
    related = effect(values, inside, np.arange(80) // 10)
    assert related.auc == alone.auc
    assert (related.low, related.high) == auc_interval(alone.auc, 4, 4)
    assert related.high - related.low > 2 * (alone.high - alone.low)


def test_strengths_say_what_the_whole_interval_allows():
    def strength(values: np.ndarray, inside: np.ndarray) -> str:
        return effect(values, inside, np.arange(len(values))).strength

    generator = np.random.default_rng(3)
    half = np.arange(4000) < 2000
    assert strength(generator.normal(size=4000), half) == NEGLIGIBLE
    assert strength(generator.normal(3 * half), half) == LARGE
    assert strength(generator.normal(-3 * half), half) == LARGE
    assert strength(generator.normal(size=12), np.arange(12) < 6) == UNCLEAR
    assert strength(np.ones(100), np.arange(100) < 50) == CONSTANT
    assert strength(np.arange(5.0), np.ones(5, dtype=bool)) == UNCLEAR


# --- what the checks say ----------------------------------------------------------------------------------------------

SAME = [noise(number) for number in range(24)]
OTHERS = [noise(100 + number) for number in range(24)]
CHANGED = {
    "brightness": [noise(number, mean=170) for number in range(24)],
    "contrast": [noise(number, spread=8) for number in range(24)],
    "sharpness": [noise(number).filter(ImageFilter.GaussianBlur(1)) for number in range(24)],
    "dimensions": [noise(number, width=80, height=80) for number in range(24)],
    "aspect_ratio": [noise(number, width=80) for number in range(24)],
    "colour": [tinted(number, (30, 0, -30)) for number in range(24)],
    "edges": [noise(number, spread=8) for number in range(24)],
    "texture": [striped(number) for number in range(24)],
    "background": [framed(number, 40) for number in range(24)],
    "lighting": [shaded(number) for number in range(24)],
    "occlusion": [covered(number) for number in range(24)],
}


@pytest.mark.parametrize("check", CHANGED)
def test_a_property_that_goes_with_a_class_is_told_and_one_that_does_not_is_not(check, tmp_path):
    with_property, _ = build(tmp_path / "with", two_classes(CHANGED[check], OTHERS))
    without, _ = build(tmp_path / "without", two_classes(SAME, OTHERS))
    sentences = finding(with_property, check).watch
    assert any(EVIL in sentence and "shortcut" in sentence for sentence in sentences)
    assert finding(without, check).watch == []


def test_descriptions_by_class_come_from_training_images_only(tmp_path):
    images = two_classes(SAME, OTHERS)
    dark = [(EVIL, "test", noise(300 + number, mean=20, spread=5)) for number in range(24)]
    dataset, _ = build(tmp_path, [*images, *dark])
    numbers = finding(dataset, "brightness").numbers["brightness"]
    values = [np.asarray(image.convert("RGB").convert("L")).mean() / 255 for image in SAME]
    assert numbers["classes"][EVIL]["n"] == 24
    assert numbers["classes"][EVIL]["median"] == pytest.approx(np.median(values), abs=2e-3)
    assert numbers["parts"]["test"]["median"] < 0.1
    assert finding(dataset, "brightness").watch == []


def test_class_counts_go_by_class_and_part_and_name_the_rarest(tmp_path):
    layout = [(EVIL, "train", 2), (EVIL, "test", 1), (PLAIN, "train", 6), (PLAIN, "test", 2), (None, "excluded", 1)]
    images = [(label, part) for label, part, count in layout for _ in range(count)]
    dataset, _ = build(tmp_path, [(label, part, noise(n)) for n, (label, part) in enumerate(images)])
    found = finding(dataset, "class_counts")
    assert found.numbers["classes"] == {
        PLAIN: {"images": 8, "share": 8 / 11, "train": 6, "test": 2},
        EVIL: {"images": 3, "share": 3 / 11, "train": 2, "test": 1},
    }
    assert (found.numbers["images"], found.numbers["unlabelled"]) == (12, 1)
    assert found.numbers["imbalance_ratio"] == 3
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)) / np.log(2)
    assert found.numbers["evenness"] == pytest.approx(entropy)
    first, second = found.watch
    assert f"Always answering {PLAIN} would be right for 75%" in first
    assert f"few images in the test part: {EVIL} (1), {PLAIN} (2). A recall of 0.50 of {EVIL}" in second


def test_imbalance_of_special_counts():
    assert imbalance(np.array([5, 5, 5])) == {"imbalance_ratio": 1, "evenness": pytest.approx(1)}
    assert imbalance(np.array([5, 0])) == {"imbalance_ratio": None, "evenness": 0}
    assert imbalance(np.array([5])) == {"imbalance_ratio": 1, "evenness": None}


def test_relatives_are_counted_and_groups_of_two_classes_told(tmp_path):
    images = two_classes(SAME[:4], OTHERS[:4])
    ids, _ = build(tmp_path / "ids", images)
    by_path = ids.images.set_index("path")["image_id"]
    groups = {"000.png": "a", "001.png": "a", "002.png": "a", "003.png": "b", "004.png": "b"}
    table = pd.DataFrame(
        {
            "image_id": [by_path[path] for path in by_path.index],
            "group": [groups.get(path, path) for path in by_path.index],
        }
    )
    pairs = pd.DataFrame(
        {"first": [by_path["000.png"]], "second": [by_path["001.png"]], "kind": ["content"], "distance": [0.0]}
    )
    dataset, _ = build(tmp_path / "data", images, groups=table, pairs=pairs)
    found = finding(dataset, "relatives")
    assert found.numbers["groups"] == 2
    assert found.numbers["images"] == 5
    assert found.numbers["largest"] == 3
    assert found.numbers["mixed_groups"] == 1
    assert found.numbers["pairs"] == {"content": 1}
    assert found.numbers["groups_by_class"] == {EVIL: 2, PLAIN: 4}
    assert any(f"The 4 images of {EVIL} come from 2 groups" in sentence for sentence in found.watch)
    assert any("more than one class" in sentence for sentence in found.watch)


def test_files_set_aside_are_counted_by_reason_and_a_class_that_lost_many_is_told(tmp_path):
    rejected = pd.DataFrame(
        {
            "path": ["a.png", "b.png", "c.png"],
            "label": [EVIL, EVIL, None],
            "reason": ["damaged", "damaged", "empty file"],
            "detail": ["<i>cut</i>", "cut", "0 bytes"],
        }
    )
    dataset, _ = build(tmp_path, two_classes(SAME[:4], OTHERS[:4]), rejected=rejected)
    found = finding(dataset, "rejected")
    assert found.numbers == {"files": 3, "reasons": {"damaged": 2, "empty file": 1}, "classes": {EVIL: 2}}
    assert found.watch == [
        f"2 of the 6 files of {EVIL} could not be used (33%): what is left may not stand for the class."
    ]


# --- the report -------------------------------------------------------------------------------------------------------


def report(root: Path, dataset: Dataset, raw: Path, thumbnails: int = 2) -> Path:
    root.mkdir()
    write_report(dataset, raw, thumbnails, root)
    return root


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Path, Path]:
    root = tmp_path_factory.mktemp("explore")
    rejected = pd.DataFrame({"path": [EVIL], "label": [EVIL], "reason": ["damaged"], "detail": ["<i>cut</i>"]})
    images = two_classes(CHANGED["dimensions"], OTHERS)
    dataset, raw = build(root, [*images, (EVIL, "test", noise(999))], rejected=rejected)
    return dataset, raw, report(root / "report", dataset, raw)


def test_names_from_the_data_are_escaped_in_the_report(written):
    page = (written[2] / "report.html").read_text()
    assert EVIL not in page
    assert "<i>cut</i>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_the_report_needs_no_network_and_starts_with_the_class_counts(written):
    page = (written[2] / "report.html").read_text()
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert "<script" not in page
    assert page.index('<section id="class_counts">') < page.index("<svg") < page.index('<section id="watch">')


def test_the_report_and_the_json_file_say_the_same(written):
    page = (written[2] / "report.html").read_text()
    numbers = json.loads((written[2] / "explore.json").read_text())
    assert list(numbers) == sorted([*all_checks(), "flags", "watch"])
    assert page.count("<li>") == len(numbers["watch"]) > 0
    auc = numbers["dimensions"]["width"]["classes"][PLAIN]["effect"]
    assert f"{auc['auc']:.2f}" in page
    assert f"[{auc['low']:.2f}, {auc['high']:.2f}]" in page


def test_the_class_counts_are_a_table_that_dvc_can_plot(written):
    rows = list(csv.DictReader((written[2] / "class_counts.csv").open()))
    assert rows == [
        {"class": EVIL, "images": "25", "train": "24", "test": "1", "excluded": "0"},
        {"class": PLAIN, "images": "24", "train": "24", "test": "0", "excluded": "0"},
    ]


def test_the_spurious_properties_are_a_table_that_dvc_can_plot(written):
    rows = list(csv.DictReader((written[2] / "spurious.csv").open()))
    found = json.loads((written[2] / "explore.json").read_text())["spurious"]["properties"]
    told = sorted((one["title"], one["accuracy"]) for one in found.values())
    assert sorted((row["property"], float(row["balanced_accuracy"])) for row in rows) == told
    assert rows


def test_samples_are_training_images_chosen_by_their_hash(written):
    dataset, _, folder = written
    page = (folder / "report.html").read_text()
    chosen = dataset.training.sort_values("image_id").groupby("label").head(2)["path"]
    assert page.count("<img") == 4
    assert all(f'alt="{path}"' in page for path in chosen)


def test_the_same_data_gives_the_same_bytes(written, tmp_path):
    dataset, raw, folder = written
    again = report(tmp_path / "again", dataset, raw)
    for path in folder.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_a_single_class_and_hundreds_of_classes_are_reported(tmp_path):
    one, raw = build(tmp_path / "one", [(PLAIN, "train", image) for image in SAME[:3]])
    assert PLAIN in (report(tmp_path / "first", one, raw) / "report.html").read_text()
    many = [(f"class {n // 2}", "train", noise(n, 16, 16)) for n in range(120)]
    dataset, raw = build(tmp_path / "many", many)
    page = (report(tmp_path / "second", dataset, raw, 1) / "report.html").read_text()
    assert "<summary>60 rows</summary>" in page
    assert page.count("<img") == 30
