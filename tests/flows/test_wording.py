"""Numbers as people read them in the terminal, in Prefect and in MLflow."""

from __future__ import annotations

import pytest

from flows.wording import bet, interval


@pytest.mark.parametrize(
    ("value", "low", "high", "plain", "signed"),
    [
        (0.581, 0.553, 1.0, ".581 [.553, 1.000]", "+.581 [+.553, +1.000]"),
        (-0.0004, -0.02, 0.0, None, ".000 [-.020, .000]"),
        (-0.0004, -0.02, 0.0004, None, ".000 [-.020, +.0004]"),
        (0.0, 0.0, 10.5, ".000 [.000, 10.500]", ".000 [.000, +10.500]"),
    ],
)
def test_a_value_stands_before_its_interval_and_zero_has_no_sign(value, low, high, plain, signed):
    told = {"value": value, "low": low, "high": high}
    assert interval(told, signed=True) == signed
    if plain:
        assert interval(told) == plain
    assert interval(None) == ""


def test_ends_show_on_which_side_of_a_limit_they_lie():
    told = {"value": 0.02, "low": 0.01003, "high": 0.04}
    assert interval(told, signed=True) == "+.020 [+.010, +.040]"
    assert interval(told, signed=True, beside=0.01) == "+.020 [+.01003, +.040]"


@pytest.mark.parametrize(
    ("chance", "gain", "told"),
    [
        (0.84, 0.0151, "84 % +.015"),
        (1.0, 10.25, "100 % +10.250"),
        (0.2, -20.5, "20 % -20.500"),
        (0.5, 0.0, "50 % .000"),
    ],
)
def test_a_bet_is_a_chance_and_a_gain_of_any_size(chance, gain, told):
    assert bet({"chance": chance, "expected_gain": gain}) == told
    assert bet(None) == ""
