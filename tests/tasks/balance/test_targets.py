"""Targets: the words of params.yaml as wanted counts, and what is said of words that mean nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.balance.targets import Target
from tasks.errors import InputError

COUNTS = {"a": 5000, "b": 500, "c": 50}


@pytest.mark.parametrize(
    ("written", "above", "below"),
    [
        ("equal", [5000, 5000, 5000], [50, 50, 50]),
        ("square_root", [5000, 1581, 500], [500, 158, 50]),  # sqrt(n * 5000), sqrt(n * 50)
        ({"largest": 0.5}, [5000, 2500, 2500], [2500, 500, 50]),
        ({"smallest": 4}, [5000, 500, 200], [200, 200, 50]),
        ({"factor": 3}, [15000, 1500, 150], [5000, 500, 50]),
        ({"factor": 0.5}, [5000, 500, 50], [2500, 250, 25]),
        ({"more": 200}, [5000, 700, 250], [5000, 500, 50]),
        ({"more": 4800}, [5000, 5000, 4850], [5000, 500, 50]),
        ({"counts": {"b": 600, "a": 10}}, [10, 600, 50], [10, 600, 50]),
    ],
)
def test_a_target_grows_from_the_largest_class_and_cuts_to_the_smallest(
    written: Any, above: list[int], below: list[int]
) -> None:
    target = Target.of(written)
    assert list(target.above(COUNTS).values()) == above
    assert list(target.below(COUNTS).values()) == below


def test_the_effective_number_gives_every_class_the_weight_of_cui_et_al() -> None:
    """Their weights (golden values for beta .9999) times the counts are the shares."""
    counts = dict(zip("abcdefghij", [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], strict=True))
    golden = [0.0506, 0.0769, 0.1211, 0.1950, 0.3188, 0.5246, 0.8683, 1.4426, 2.4092, 3.9927]
    asked = Target.of({"effective_number": 0.9999}).above(counts)
    for name, weight in zip(counts, golden, strict=True):
        assert asked[name] == pytest.approx(5000 * counts[name] * weight / (5000 * golden[0]), rel=2e-3)


def test_what_both_adds_and_cuts_measures_from_the_mean_class() -> None:
    assert Target.of("equal").around({"a": 9, "b": 2}) == {"a": 6, "b": 6}  # 5.5, halves up


def test_a_class_that_the_training_set_has_not_is_refused() -> None:
    with pytest.raises(InputError, match="'z', which is no class of the training set; there are a, b, c"):
        Target.of({"counts": {"z": 3}}).above(COUNTS)


@pytest.mark.parametrize(
    "written",
    [
        *("equel", 5, None, True, {}, [], {"largest": 0}, {"largest": "half"}, {"smallest": -1}),
        *({"largest": 1, "smallest": 2}, {"counts": {}}, {"counts": {"a": 0}}, {"counts": {"a": 1.5}}),
        *({"effective_number": 1.0}, {"ratio": 2}, {"largest": True}),
    ],
)
def test_what_is_no_target_is_told_with_all_forms(written: Any) -> None:
    with pytest.raises(ValidationError, match=r"is no target; write one of equal, square_root, \{largest: 0.5\}"):
        Target.of(written)
