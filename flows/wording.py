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
