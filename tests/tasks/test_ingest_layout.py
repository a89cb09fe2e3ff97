"""What folders mean: which level is the class, which the part, and where two readings are refused."""

import shlex

import pytest
from ruamel.yaml import YAML

from tasks.errors import InputError
from tasks.ingest.layout import looks_like_codes, part_named, read_layout


def paths(*folders, images=3):
    """Paths of `images` images in each folder."""
    return [f"{folder}/{number}.png" for folder in folders for number in range(images)]


def below(tops, *names):
    return [f"{top}/{name}" for top in tops for name in names]


def read(listed, **settings):
    """The label and part of each folder, as read."""
    places = read_layout(listed, **settings).places
    return {path.rpartition("/")[0]: (place.label, place.part) for path, place in places.items()}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["cat", "dog"], {"cat": ("cat", None), "dog": ("dog", None)}),
        (["cat/old", "cat/new", "dog"], {"cat/old": ("cat", None), "cat/new": ("cat", None), "dog": ("dog", None)}),
        (["all/cat", "all/dog"], {"all/cat": ("cat", None), "all/dog": ("dog", None)}),
        (["a/b/cat", "a/b/dog"], {"a/b/cat": ("cat", None), "a/b/dog": ("dog", None)}),
        (
            below(["seg_train/seg_train", "seg_test/seg_test"], "sea", "street"),
            {
                "seg_train/seg_train/sea": ("sea", "train"),
                "seg_train/seg_train/street": ("street", "train"),
                "seg_test/seg_test/sea": ("sea", "test"),
                "seg_test/seg_test/street": ("street", "test"),
            },
        ),
        (
            below(["set/train/images", "set/Validation/images"], "x", "y"),
            {
                "set/train/images/x": ("x", "train"),
                "set/train/images/y": ("y", "train"),
                "set/Validation/images/x": ("x", "val"),
                "set/Validation/images/y": ("y", "val"),
            },
        ),
        (
            below(["cat", "dog"], "train", "test"),
            {
                "cat/train": ("cat", "train"),
                "cat/test": ("cat", "test"),
                "dog/train": ("dog", "train"),
                "dog/test": ("dog", "test"),
            },
        ),
        (below(["train"], "a", "b"), {"train/a": ("a", None), "train/b": ("b", None)}),
        (["train", "bus", "tram"], {name: (name, None) for name in ("train", "bus", "tram")}),
        (["train", "test_tube"], {"train": ("train", None), "test_tube": ("test_tube", None)}),
        (["0", "1", "2"], {name: (name, None) for name in "012"}),
    ],
)
def test_classes_and_parts_are_read_from_the_structure(folders, expected):
    assert read(paths(*folders)) == expected


def test_pictures_beside_the_parts_and_in_parts_without_classes_are_unlabelled():
    listed = [*paths(*below(["train", "val"], "cat", "dog")), "overview.png"]
    layout = read_layout(listed)
    assert layout.places["overview.png"].label is None
    assert layout.places["train/cat/0.png"] == layout.places["train/cat/1.png"]
    flat = read_layout([*paths(*below(["train"], "cat", "dog")), *paths("test", images=7)])
    assert {(place.label, place.part) for path, place in flat.places.items() if path.startswith("test")} == {
        (None, None)
    }
    assert {place.part for place in flat.places.values()} == {None}, "nothing is held out, so a test part is drawn"
    assert "images in them without a class folder count as unlabelled: test 7" in flat.sentences[-1]


def test_a_folder_without_classes_beside_parts_is_unlabelled_whatever_it_is_called():
    listed = [*paths(*below(["seg_train", "seg_test"], "sea", "street")), *paths("seg_pred", images=7)]
    layout = read_layout(listed)
    assert {(layout.places[path].label, layout.places[path].part) for path in paths("seg_pred", images=7)} == {
        (None, None)
    }
    assert layout.places["seg_test/sea/0.png"].part == "test"
    assert "unlabelled: seg_pred 7" in layout.sentences[-1]


def test_a_folder_beside_the_parts_with_classes_that_training_lacks_is_asked_for():
    listed = paths("train/good", "test/good", "test/scratch", "masks/scratch")
    with pytest.raises(InputError, match=r"what 'masks' is, its name doesn't say"):
        read_layout(listed)
    layout = read_layout(listed, parts={"masks": "none"})
    assert sorted(layout.left_out) == paths("masks/scratch")
    assert read(listed, parts={"masks": "none"})["test/scratch"] == ("scratch", "test")


def test_folders_that_make_one_part_together_are_named():
    (sentence,) = read_layout(paths(*below(["TRAIN", "TEST", "TEST_SIMPLE"], "x", "y"))).sentences
    assert sentence == "the folders are parts: train 6, test 12 (TEST 6, TEST_SIMPLE 6)"


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_folder_beside_train_that_holds_the_same_classes_is_asked_for(part):
    listed = paths(*below(["train", "holdout"], "cat", "dog"))
    with pytest.raises(InputError) as refused:
        read_layout(listed)
    for way in ("{holdout: test}", "{holdout: val}", "{holdout: train}", "{holdout: none}", "{holdout: class}"):
        assert f"--set 'ingest.parts={way}'" in str(refused.value)
    assert read(listed, parts={"holdout": part})["holdout/dog"] == ("dog", part if part != "train" else None)
    left = read_layout(listed, parts={"holdout": "none"})
    assert sorted(left.left_out) == sorted(path for path in listed if path.startswith("holdout"))
    classes = read(listed, parts={"holdout": "class"}, level=1)
    assert classes["holdout/cat"] == ("holdout", None)


def test_folders_below_a_class_are_no_classes_though_they_repeat():
    patients = [f"{kind}/{code}{number:02}/{view}" for kind, code in (("benign", "Q"), ("malignant", "X"))
                for number in range(9) for view in ("near", "far")]  # fmt: skip
    assert {label for label, _ in read(paths(*patients)).values()} == {"benign", "malignant"}


@pytest.mark.parametrize(
    "folders",
    [
        [f"site{site}/P{site}{number:02}/{kind}" for site in "AB" for number in range(6) for kind in ("no", "yes")],
        [f"P{number:03}/{'yes' if number % 3 else 'no'}" for number in range(30)],
        [f"2021-03-{day:02}/{kind}" for day in range(1, 9) for kind in ("yes", "no")],
    ],
)
def test_classes_below_sites_patients_and_days_are_found_because_they_repeat(folders):
    layout = read_layout(paths(*folders))
    assert {place.label for place in layout.places.values()} == {"yes", "no"}
    assert "because it repeats below" in layout.sentences[0]


@pytest.mark.parametrize(
    ("folders", "first", "second"),
    [
        (below(["oak", "beech"], "leaf", "bark"), "beech 6, oak 6", "bark 6, leaf 6"),
        (below(["class_1", "class_2"], "near", "far"), "class_1 6, class_2 6", "far 6, near 6"),
        (below(["smith", "jones", "meyer", "weiss"], "benign", "malignant"), "jones 6", "benign 12, malignant 12"),
    ],
)
def test_two_readings_are_refused_side_by_side_and_either_can_be_said(folders, first, second):
    with pytest.raises(InputError, match="two readings fit") as refused:
        read_layout(paths(*folders))
    lines = str(refused.value).splitlines()
    for level, told in ((1, first), (2, second)):
        assert f"ingest.class_level={level} " in lines[level]
        assert told in lines[level]
    for level in (1, 2):
        expected = {folder: (folder.split("/")[level - 1], None) for folder in folders}
        assert read(paths(*folders), level=level) == expected


def test_a_folder_that_holds_all_images_counts_where_the_class_could_not_stand_below_it():
    assert read(paths("ash/leaf", "ash/bark"), level=2)["ash/leaf"] == ("leaf", None)
    assert read(paths("all/ash/leaf", "all/ash/bark"), level=2)["all/ash/leaf"] == ("leaf", None)
    assert read(paths("ash/leaf"), level=2)["ash/leaf"] == ("leaf", None)


def test_known_classes_settle_what_the_folders_are():
    assert read(paths("cat/a", "cat/b"), known={"cat"})["cat/a"] == ("cat", None)
    listed = paths(*below(["oak", "beech"], "leaf", "bark"))
    assert {label for label, _ in read(listed, known={"oak", "beech"}).values()} == {"oak", "beech"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("train", "train"), ("Training", "train"), ("seg_test", "test"), ("train2017", "train"), ("TestSet", "test")),
        *(("valid", "val"), ("images_val", "val"), ("holdout", None), ("restrain", None), ("traintest", None)),
        *(("train_and_test", None), ("contest", None), ("", None)),
    ],
)
def test_the_part_that_a_name_says(name, part):
    assert part_named(name, {}) == part


@pytest.mark.parametrize(
    ("names", "coded"),
    [
        *((["Q07", "Q12"], True), (["siteA", "siteB"], True), (["patient_1", "patient_22"], True)),
        *((["2021-03-04", "2021-12-31"], True), (["0", "17"], True), (["a1b2c3d4", "99ffe012"], True)),
        *((["benign", "malignant"], False), (["near", "far"], False), (["oak"], False), (["cat", "cut"], False)),
    ],
)
def test_codes_are_told_from_words(names, coded):
    assert looks_like_codes(names) == coded


@pytest.mark.parametrize("folders", [("train", "test"), ("Train2017", "Val2017", "Test2017"), ("all/train", "all/val")])
def test_parts_without_folders_of_classes_are_no_classes_unless_that_is_said(folders):
    """Published sets often hold train/cat.0.jpg: the class stands in the name, or in a table."""
    names = sorted(folder.split("/")[-1] for folder in folders)
    with pytest.raises(InputError, match=f"the folders {', '.join(names)} are called like parts") as refused:
        read(paths(*folders))
    assert f"--set 'ingest.parts={{{names[0]}: class}}'" in str(refused.value)
    classes = {folder: (folder.split("/")[-1], None) for folder in folders}
    assert read(paths(*folders), parts={names[0]: "class"}) == classes
    assert read(paths(*folders), level=1) == classes
    assert read(paths(*folders), known=set(names)) == classes


@pytest.mark.parametrize("folder", ["hold out", "2021", "no", "the 'rest'", 'a "b", c: #1 {x}', "new\\old", "übrig"])
def test_the_line_that_says_what_a_folder_is_can_be_pasted_whatever_it_is_called(folder):
    listed = paths(*below(["train", folder], "x", "y"))
    with pytest.raises(InputError) as refused:
        read(listed)
    line = next(one for one in str(refused.value).splitlines() if one.endswith("held out, looked at once"))
    _, setting, *_ = shlex.split(line)
    key, _, value = setting.partition("=")
    parts = YAML(typ="safe").load(value)
    assert (key, parts) == ("ingest.parts", {folder: "test"})
    assert read(listed, parts=parts)[f"{folder}/x"] == ("x", "test")


def offered(listed):
    """The settings of each line that the refusal of these paths offers."""
    with pytest.raises(InputError) as refused:
        read(listed)
    found = []
    for line in str(refused.value).splitlines():
        words = shlex.split(line.partition("    --set")[0]) if line.startswith("  --set") else []
        if words:
            pairs = [word.partition("=") for word in words[1::2][:2] if "=" in word]
            found.append({key.removeprefix("ingest."): YAML(typ="safe").load(value) for key, _, value in pairs})
    return [{{"class_level": "level"}.get(key, key): value for key, value in one.items()} for one in found]


@pytest.mark.parametrize(
    "folders",
    [
        ["train", "test1"],
        ["train_cats", "train_dogs", "test_cats", "test_dogs"],
        ["train2017", "val2017"],
        ["images", "annotations"],
        ["JPEGImages", "SegmentationClass", "SegmentationObject"],
        ["patient_01", "patient_02", "patient_03"],
        ["images_001", "images_002", "images_003"],
        ["set_part/fold1", "set_part/fold2"],
    ],
)
def test_folders_that_are_called_like_something_else_are_no_classes_unless_that_is_said(folders):
    (meant,) = offered(paths(*folders))
    assert read(paths(*folders), **meant) == {folder: (folder.rpartition("/")[2], None) for folder in folders}


@pytest.mark.parametrize(
    "folders", [["train", "bus", "car"], ["positive test", "negative test"], ["train_a", "test_b"], ["mask", "no mask"]]
)
def test_classes_whose_names_sound_like_something_else_are_classes(folders):
    assert read(paths(*folders)) == {folder: (folder, None) for folder in folders}


def test_classes_below_pictures_are_read_without_the_masks_beside_them_by_the_line_that_is_offered():
    listed = paths(*below(["images", "masks"], "cat", "dog"))
    meant, as_classes = offered(listed)
    assert read(listed, **meant) == {"images/cat": ("cat", None), "images/dog": ("dog", None)}
    assert {label for label, _ in read(listed, **as_classes).values()} == {"images", "masks"}


def test_a_folder_around_the_pictures_of_one_part_is_no_class():
    listed = paths("train/cat/images", "train/dog/images", "val/images", "test/images")
    labels = {folder: label for folder, (label, _) in read(listed).items()}
    assert labels == {"train/cat/images": "cat", "train/dog/images": "dog", "val/images": None, "test/images": None}
    assert set(read(paths("train/images", "test/images")).values()) == {(None, None)}


def test_patients_and_classes_that_are_both_numbers_are_asked_for():
    listed = paths(*below(["8863", "8864", "8865"], "0", "1"))
    first, second = offered(listed)
    assert {label for label, _ in read(listed, **first).values()} == {"8863", "8864", "8865"}
    assert {label for label, _ in read(listed, **second).values()} == {"0", "1"}


def test_finer_names_below_the_classes_are_mentioned_with_the_line_that_takes_them():
    folders = ["birds/jay", "birds/owl", "mammals/lynx", "mammals/bear"]
    layout = read_layout(paths(*folders))
    assert {place.label for place in layout.places.values()} == {"birds", "mammals"}
    assert "--set ingest.class_level=2" in " ".join(layout.sentences)
    codes = read_layout(paths("birds/p01", "birds/p02", "mammals/p03", "mammals/p04"))
    assert codes.sentences == []


def test_masks_beside_the_parts_of_several_objects_can_be_left_out_by_the_line_that_is_offered():
    parts = below(["bottle", "cable"], "train/good", "test/good", "test/bent", "ground_truth/bent")
    *levels, without = offered(paths(*parts))
    assert levels == [{"level": level} for level in (1, 2, 3)]
    assert read(paths(*parts), **without, level=2) == {
        folder: (folder.rpartition("/")[2], folder.split("/")[1]) for folder in parts if "ground_truth" not in folder
    }
