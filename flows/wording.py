"""How numbers are written for people, in the terminal, in Prefect and in MLflow."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tasks import decimals


def interval(value: Mapping[str, float] | None, *, signed: bool = False, join: str = " ", beside: float = 0.0) -> str:
    """A value with its interval, for instance ``.581 [.553, .610]``; nothing for none.

    The ends of a difference (`signed`) show on which side of `beside` they lie.
    """
    if value is None:
        return ""
    number = decimals.signed if signed else decimals.decimal
    low, high = (decimals.signed_end(value[at], beside) if signed else number(value[at]) for at in ("low", "high"))
    text = f"{number(value['value'])}{join}[{low}, {high}]"
    return _short(text)


def bet(row: Mapping[str, float] | None, *, join: str = " ") -> str:
    """The chance that a strategy is better, and the gain to expect, for instance ``84 % +.015``; nothing for none."""
    if row is None:
        return ""
    return _short(f"{decimals.percent(row['chance'])}{join}{decimals.signed(row['expected_gain'])}")


def _short(text: str) -> str:
    """Numbers below 1 without their zero."""
    return re.sub(r"\b0\.", ".", text)
