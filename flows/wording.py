"""How numbers are written for people, in the terminal, in Prefect and in MLflow."""

from __future__ import annotations

import re
from collections.abc import Mapping


def interval(value: Mapping[str, float] | None, *, signed: bool = False, join: str = " ") -> str:
    """A value with its interval, for instance ``.581 [.553, .610]``; nothing for none."""
    if value is None:
        return ""
    sign = "+" if signed else ""
    text = f"{value['value']:{sign}.3f}{join}[{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"
    return re.sub(r"\b0\.", ".", text)
