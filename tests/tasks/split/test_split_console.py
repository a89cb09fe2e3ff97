"""What a split says of the verdicts that it allows, before anything is trained."""

import re

import pytest

from tasks.split.console import measurable_lines


def said(**groups):
    return list(measurable_lines({"groups_of_class": {"train": groups}}))


def test_classes_of_few_groups_are_named_before_anything_is_trained():
    left_out, found = said(common=120, rare=40, tiny=9)
    assert left_out.startswith("verdicts will leave out tiny (9): a class is measurable from 10 training images on")
    (alone,) = said(common=120, rare=40, small=10)
    assert alone != found


def test_the_smallest_difference_that_can_be_found_is_that_of_the_measurable_classes():
    found = said(common=120, rare=40, tiny=9)[-1]
    z = 2.807034 + 0.841621  # of a level of 5 % / 10 strategies on two sides, and a power of 80 %
    for share in (0.1, 0.3):
        wanted = z * (share / 120 + share / 40) ** 0.5 / 2
        assert f"{wanted:.3f}" in found
    assert re.search(r"10% of the images differently, from .* 30%", found)


@pytest.mark.parametrize("groups", [{"common": 120, "rare": 9}, {"a": 3, "b": 4}])
def test_where_no_two_classes_can_be_measured_no_verdict_is_promised(groups):
    (line,) = said(**groups)
    assert line.startswith("no verdict will be possible")
    for name, number in groups.items():
        assert (f"{name} ({number})" in line) == (number < 10)
