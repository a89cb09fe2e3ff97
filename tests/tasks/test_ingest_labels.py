"""Labels that can't be taken as they are: several in one, one spelled twice, a measurement."""

import shlex
from collections import Counter

import pytest
from ruamel.yaml import YAML

from tasks.ingest.labels import mistakes, several_in_one, spelled_alike, told


def lines(why):
    """The settings that a message offers, as a shell and then YAML read them."""
    words = [words for one in why.split("--set ")[1:] for words in shlex.split(one)[:1]]
    return {key: YAML(typ="safe").load(value) for key, _, value in (word.rstrip(";").partition("=") for word in words)}


def wrong(*labels, meant=()):
    return [(one.labels, one.why) for one in mistakes(Counter(labels), meant)]


@pytest.mark.parametrize(
    "separator",
    [
        "/",
        "+",
        "|",
        ",",
        ";",
        "&",
        " ",
        " and ",
        "_",
        "-",
        " / ",
        "\\",
        ":",
        ".",
        "~",
        " > ",
        "\u2013",
        "\u3001",
        " or ",
    ],
)
def test_a_label_that_is_made_of_others_is_several(separator):
    doubtful = f"scratch{separator}dent"
    ((labels, why),) = wrong("scratch", "dent", "Dent" if False else "dent", doubtful)
    assert labels == [doubtful]
    assert "'scratch' and 'dent'" in why
    assert f"--set 'ingest.meant=[\"{doubtful}\"]'".replace("\\", "\\\\") in why
    assert wrong("scratch", "dent", doubtful, meant=[doubtful]) == []


@pytest.mark.parametrize("label", ["['a', 'b']", "[1, 2]", '{"a"}', "('a', 'b')", "a|b", "a; b"])
def test_lists_in_a_cell_are_several_whatever_the_other_labels_are(label):
    assert list(several_in_one(["x", label])) == [label]


def test_pieces_that_come_in_several_combinations_are_labels_though_none_stands_alone():
    assert set(several_in_one(["rain/fog", "fog/snow", "snow/rain", "clear"])) == {"rain/fog", "fog/snow", "snow/rain"}


@pytest.mark.parametrize(
    "labels",
    [
        ["animal/cat", "animal/dog"],
        ["animal, cat", "animal, dog"],
        ["hot dog", "dog"],
        ["no_defect", "defect"],
        ["likely_functional", "functional", "likely_defective"],
        ["T-shirt", "shirt"],
        ["salt & pepper", "ketchup"],
        ["(empty)", "full"],
        ["3", "5", "3.5"],
        ["C", "C++", "C#"],
    ],
)
def test_names_of_one_class_pass(labels):
    assert several_in_one(labels) == {}


@pytest.mark.parametrize(
    "labels", [["1", "1.0"], ["Cat", "cat"], ["caf\u00e9", "cafe\u0301"], ["a  b", "a b"], ["a_b", "a b"], ["1", "01"]]
)
def test_one_class_spelled_twice_is_refused_with_the_rename_to_paste(labels):
    ((found, why),) = mistakes_of(labels)
    assert found == sorted(labels)
    assert "ingest.rename={" in why
    assert spelled_alike([*labels, "other"]) == [sorted(labels)]


def mistakes_of(labels):
    return [(one.labels, one.why) for one in mistakes(Counter([*labels, labels[0], "other"]))]


def test_the_rarer_spelling_is_renamed_to_the_commoner():
    ((_, why),) = mistakes_of(["1", "1.0"])
    assert '--set \'ingest.rename={"1.0": "1"}\'' in why
    ((_, why),) = mistakes_of(["1.0", "1"])
    assert '--set \'ingest.rename={"1": "1.0"}\'' in why


def test_all_that_is_spelled_twice_is_merged_by_one_line_which_keeps_earlier_ones():
    found = mistakes(Counter(["Cat", "Cat", "cat", "dog", "dog", "Dog"]), rename={"kitten": "cat", "x": "y"})
    merged = {"kitten": "Cat", "x": "y", "cat": "Cat", "Dog": "dog"}
    assert [lines(one.why) for one in found] == [{"ingest.rename": merged}] * 2


@pytest.mark.parametrize("label", ["['it']", 'it\'s, "a"', "a\nb|c", "a\\|\u200bb", "rie\u0301|b"])
def test_offered_lines_can_be_pasted_whatever_is_in_the_names(label):
    ((labels, why),) = wrong(label, "it's", '"a"')
    assert labels == [label]
    assert lines(why) == {"ingest.meant": [label]}
    assert why.isprintable()


@pytest.mark.parametrize("label", ["NaN", "nan", "None", "NULL", "<NA>", "unlabelled"])
def test_a_label_that_says_that_there_is_none_is_asked_for(label):
    ((labels, why),) = wrong("a", label, "none")[:1]
    assert labels == [label]
    assert lines(why) == {"ingest.drop": [label], "ingest.meant": [label]}
    assert wrong("a", "b", label, meant=[label]) == []


def test_codes_with_leading_zeros_may_be_meant():
    ((_, why),) = mistakes_of(["1", "01"])
    assert "--set 'ingest.meant=[\"01\"]'" in why
    assert mistakes(Counter(["1", "1", "01"]), meant=["01"]) == []


def test_what_is_told_names_the_place_and_the_rows():
    said = told(mistakes(Counter(["a", "b", "a/b"])), "table.csv", {"a/b": [12, 4, 104]})
    assert said.startswith("table.csv: the labels 'a/b', rows 4, 12, 104: several labels in one")


@pytest.mark.parametrize(
    ("label", "new"), [("scra\0tch", "scra tch"), ("tab\there", "tab here"), ("a\x1b[31mb", "a [31mb")]
)
def test_labels_with_letters_that_can_not_be_printed_are_renamed(label, new):
    ((labels, why),) = [(one.labels, one.why) for one in mistakes({label: 3, "other": 4}, rename={"x": "other"})]
    assert labels == [label]
    assert "can't be printed" in why
    assert lines(why) == {"ingest.rename": {"x": "other", label: new}}


@pytest.mark.parametrize("link", [" with ", " und ", ", and ", " plus ", " x ", " et ", " & ", "/", " "])
@pytest.mark.parametrize("names", [("scratch", "dent"), ("early blight", "late blight")])
def test_labels_of_several_words_are_found_with_any_linking_word_between_them(names, link):
    doubtful = link.join(names)
    assert several_in_one([*names, doubtful]) == {doubtful: list(names)}


def test_labels_that_are_parted_by_capitals_only_are_several():
    assert list(several_in_one(["Scratch", "Dent", "ScratchDent"])) == ["ScratchDent"]
    assert several_in_one(["red", "panda", "redpanda"]) == {}


def test_pieces_that_stand_alone_or_in_other_combinations_make_several():
    assert set(several_in_one(["fog", "snow/fog", "rain/snow"])) == {"snow/fog"}
    assert set(several_in_one(["fog", "snow/fog", "snow/rain", "rain/snow"])) == {"snow/fog", "snow/rain", "rain/snow"}


@pytest.mark.parametrize(
    ("labels", "several"),
    [
        (["0 1", "1 0", "1 1"], ["1 1"]),
        (["0,0,1", "1,1,0", "1,0,0"], ["1,1,0"]),
        (["00", "01", "10", "11"], ["11"]),
        (["0 1", "1 0"], []),
        (["10", "11"], []),
        (["00", "01"], []),
        (["010", "12"], []),
    ],
)
def test_rows_of_zeros_and_ones_with_two_ones_are_several(labels, several):
    assert list(several_in_one(labels)) == several


@pytest.mark.parametrize("labels", [["0", "0,5", "1", "1,5"], ["0,25", "0,5", "1,25", "1,5"], ["2,5", "5"]])
def test_numbers_with_a_decimal_comma_are_one_label(labels):
    assert several_in_one(labels) == {}


def test_a_number_with_a_decimal_comma_that_may_be_two_labels_is_asked_for_both_ways():
    told_both = [lines(one.why) for one in mistakes(Counter(["0", "0", "1", "1", "1,0"]))]
    assert told_both == [{"ingest.meant": ["1,0"]}, {"ingest.rename": {"1,0": "1"}}]


@pytest.mark.parametrize("written", ["{}:{}", "{} ({})", "{}={}", "{} @ {}"])
@pytest.mark.parametrize("scores", [("0.9", "0.75"), (".9", "1.0"), ("90%", "75 %"), ("0,9", "0,7")])
def test_names_with_scores_are_soft_labels_with_the_renames_to_paste(written, scores):
    names = {written.format(name, score): name for name in ("cat", "dog") for score in scores}
    ((labels, why),) = wrong(*names)
    assert labels == list(names)
    assert lines(why) == {"ingest.rename": names, "ingest.meant": list(names)}
    assert wrong(*names, meant=list(names)) == []


def test_several_names_with_scores_are_several():
    assert several_in_one(["cat", "dog", "cat 0.7 dog 0.3"]) == {"cat 0.7 dog 0.3": ["cat", "dog"]}
    assert several_in_one(["cat", "dog", "cat:0.7, dog:0.3"]) == {"cat:0.7, dog:0.3": ["cat", "dog"]}


@pytest.mark.parametrize("labels", [["sand 0.2", "sand 0.5"], ["ratio 1:0.5", "ratio 1:0.2"], ["x (2)", "x (3)", "x"]])
def test_numbers_in_names_are_no_scores(labels):
    assert mistakes(Counter(labels)) == []


@pytest.mark.parametrize("label", ["n.a.", "?", "-", ".", "no label", "Not labelled", "TBD"])
def test_further_words_and_signs_say_that_there_is_no_label(label):
    ((labels, why),) = wrong("a", "b", label)
    assert labels == [label]
    assert lines(why) == {"ingest.drop": [label], "ingest.meant": [label]}


def test_plus_and_minus_are_classes():
    assert wrong("+", "-") == []


def test_truth_is_spelled_in_one_way():
    assert spelled_alike(["True", "true", "1", "yes", "False", "0"]) == [["0", "False"], ["1", "True", "true", "yes"]]
    assert spelled_alike(["yes", "no"]) == []
    assert spelled_alike(["1", "yes", "2"]) == []


def test_a_label_is_told_in_one_mistake_only():
    assert [one.labels for one in mistakes(Counter(["a", "b", "a / b", "a&b", "NULL", "#N/A", "n/a"]))] == [
        ["a / b", "a&b"],
        ["NULL", "#N/A", "n/a"],
    ]


def test_lines_to_type_stay_short_however_many_names_are_doubtful():
    names = [f"n{at}" for at in range(9)]
    found = mistakes(Counter([*names, *(f"{one}+{other}" for one in names for other in names if one < other)]))
    assert all(len(one.why) < 800 for one in found)
    assert "ingest.meant" in found[0].why


def test_names_that_no_files_could_keep_apart_are_refused_though_they_are_meant():
    labels = ["a", "b", "a / b", "a&b", "a&b"]
    (found,) = mistakes(Counter(labels), meant=["a / b", "a&b"])
    assert found.labels == ["a / b", "a&b"]
    assert lines(found.why) == {"ingest.rename": {"a / b": "a&b"}}
