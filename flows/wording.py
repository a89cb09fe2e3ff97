"""How numbers are written for people, in the terminal, in Prefect and in MLflow."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tasks import decimals


def interval(value: Mapping[str, float] | None, *, signed: bool = False, join: str = " ") -> str:
    """A value with its interval, for instance ``.581 [.553, .610]``; nothing for none."""
    if value is None:
        return ""
    number = decimals.signed if signed else decimals.decimal
    text = f"{number(value['value'])}{join}[{number(value['low'])}, {number(value['high'])}]"
    return re.sub(r"\b0\.", ".", text)


def bet(row: Mapping[str, float] | None, *, join: str = " ") -> str:
    """The chance that a strategy is better, and the gain to expect, for instance ``84 % +.015``; nothing for none."""
    if row is None:
        return ""
    return f"{decimals.percent(row['chance'])}{join}{decimals.signed(row['expected_gain'])}".replace("0.", ".")
