"""Columns as people have them: other names, one column a class, those that only seem to say parts; what is offered."""

import shlex

import pytest
from image_tables import FILES, PARTS_TEXT, WRITTEN, labels, listed, refused


def test_columns_of_other_names_are_offered_and_taken(tmp_path):
    text = ",filename,class,patient_id\n" + "".join(
        f"{n},{path},{'xxyy'[n]},p{n // 2}\n" for n, path in enumerate(FILES)
    )
    assert "add --columns 'path=filename,label=class,group=patient_id' (leave out group" in refused(tmp_path, text)
    found = listed(tmp_path, text, names={"path": "filename", "label": "class", "group": "patient_id"})
    assert labels(found) == WRITTEN
    assert {source.group for source in found.sources} == {"p0", "p1"}
    assert set(listed(tmp_path, text, names={"path": "FileName ", "label": "class"}).others) == {"patient_id"}
    assert "has no column 'klass'" in refused(tmp_path, text, names={"label": "klass"})
    twice = refused(tmp_path, text, names={"label": "Class", "part": "class"})
    assert "the column 'class' can't be both the label and the part; name one for each" in twice


def test_the_column_of_paths_is_known_by_what_it_leads_to(tmp_path):
    text = "number;shot;category\n" + "".join(f"{n};{path};{'xxyy'[n]}\n" for n, path in enumerate(FILES))
    assert "add --columns 'path=shot,label=category'" in refused(tmp_path, text)
    bare = "Bild;Befund\n" + "".join(f"{n};{'xxyy'[n]}\n" for n in range(4))
    assert "add --columns 'path=Bild,label=Befund'" in refused(tmp_path, bare)


def test_columns_that_likely_say_the_label_and_the_part_are_offered_too(tmp_path):
    text = "image_path,labels,n,split\n" + "".join(
        f"{path},x,7,{['train', 'test', 'Train', 'valid'][n]}\n" for n, path in enumerate(FILES)
    )
    assert refused(tmp_path, text).endswith("add --columns 'path=image_path,label=labels,part=split'")
    said = listed(tmp_path, text, names={"path": "image_path", "label": "labels"}).notes
    assert said == ["the column split seems to say parts, and is not used: call it part (add --columns part=split)"]
    taken = listed(tmp_path, text, names={"path": "image_path", "label": "labels", "part": "split"})
    assert [source.part for source in taken.sources] == ["train", "test", "train", "val"]
    assert not taken.notes
    folds = "image_path,label,fold\n" + "".join(f"{path},x,{n}\n" for n, path in enumerate(FILES))
    assert refused(tmp_path, folds).endswith("add --columns 'path=image_path'")


def test_a_table_without_names_of_columns_is_told_so(tmp_path):
    assert "the first line must name the columns: put path,label above it" in refused(
        tmp_path, "a/0.png,x\na/1.png,y\n"
    )


def test_a_column_that_has_the_right_name_gives_way_to_the_one_that_is_said(tmp_path):
    text = "path,label,truth\n" + "".join(f"{path},?,{'xxyy'[n]}\n" for n, path in enumerate(FILES))
    assert labels(listed(tmp_path, text, names={"label": "truth"})) == WRITTEN


HOT = "image,x,y\na/0.png,1,0\na/1.png,1.0,0.0\nb/2.PNG,0,1\nb/3.jpg,0,{last}\n"


def test_one_column_a_class_is_read_on_request(tmp_path):
    assert "add --columns 'path=image' --one-hot" in refused(tmp_path, HOT.format(last=1))
    asked = {"names": {"path": "image"}, "one_hot": True}
    assert labels(listed(tmp_path, HOT.format(last=1), **asked)) == WRITTEN
    assert labels(listed(tmp_path, HOT.format(last=0), **asked)) == WRITTEN | {"b/3.jpg": None}
    words = HOT.format(last=1).replace("1.0,0.0", "TRUE,FALSE").replace("0,1\nb/3", "no,Yes\nb/3")
    assert labels(listed(tmp_path, words, **asked)) == WRITTEN, "as spreadsheets write them"
    several = refused(tmp_path, HOT.format(last=1).replace("0,1\nb/3", "1,1\nb/3"), **asked)
    assert "row 4: several labels" in several
    assert "no one-hot table" in refused(tmp_path, "path,label\na/0.png,x\n", one_hot=True)


@pytest.mark.parametrize("name", ["path", "group", "part"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_it_is_not_guessed_which_of_two_columns_is_meant(tmp_path, name, one_hot):
    head = ["path", "cat", "dog"] if one_hot else ["path", "label"]
    head += [f" {name.title()}"] if name == "path" else [name, f" {name.title()}"]
    row = ["a/0.png", "1", "0", "", ""][: len(head)]
    said = refused(tmp_path, ",".join(head) + "\n" + ",".join(row), one_hot=one_hot)
    assert said == f"table.csv has the column {name} twice: rename all but the one that is meant"


@pytest.mark.parametrize(
    ("column", "words", "offered"),
    [
        ("split", ("training", "training", "validation", "holdout"), "--columns part=split"),
        ("Data Split", ("train", "train", "dev", "test"), "--columns 'part=Data Split'"),
        ("use", ("Train set", "Train set", "Test set", "Test set"), "--columns part=use"),
        ("split", ("0", "0", "1", "2"), "--columns 'part=split'"),
        ("is_valid", ("True", "False", "True", "False"), "--columns 'part=is_valid'"),
        ("vehicle", ("train", "bus", "car", "tram"), None),
        ("size", ("0", "0", "1", "2"), None),
    ],
)
def test_a_column_that_may_say_parts_is_never_passed_over_in_silence(tmp_path, column, words, offered):
    said = " ".join(listed(tmp_path, PARTS_TEXT.format(column, *words)).notes)
    assert (offered or "") in said
    assert ("part" in said) == (offered is not None)


@pytest.mark.parametrize("one_hot", [False, True])
def test_shares_of_classes_are_refused_as_what_they_are(tmp_path, one_hot):
    text = "path,cat,dog\n" + "".join(f"{path},0.7,0.3\n" for path in FILES)
    said = refused(tmp_path, text, one_hot=one_hot)
    assert "soft labels" in said
    assert "--one-hot" not in said


def test_names_of_one_hot_columns_have_no_spaces_around(tmp_path):
    text = "path, cat , dog\n" + "".join(
        f"{path},{label},{1 - label}\n" for path, label in zip(FILES, (1, 0, 1, 0), strict=True)
    )
    assert set(labels(listed(tmp_path, text, one_hot=True)).values()) == {"cat", "dog"}


@pytest.mark.parametrize(
    ("path", "label"),
    [("Image Index", "Finding Labels"), ("image_name", "grade"), ("isic_id", "Ground Truth"), ("image", "choice")],
)
def test_the_columns_of_published_tables_are_offered(tmp_path, path, label):
    said = refused(tmp_path, f"{path},{label},age\n" + "".join(f"{file},{n},3\n" for file, n in WRITTEN.items()))
    assert shlex.split(said.rpartition("add ")[2]) == ["--columns", f"path={path},label={label}"]
