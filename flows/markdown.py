"""Markdown that Prefect and MLflow show: names from data can't become links, images, emphasis or tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it stands, on one line."""
    return re.sub(r"([\\`*_\[\]()!<>|#])", r"\\\1", text.replace("\n", " "))


def answer(board: Mapping[str, Any]) -> list[str]:
    """The lines of what a leaderboard says: what to take, below it why, an item a sentence, and what to do next."""
    first, *others = map(plain, board["sentences"])
    lines = [f"**{first}**", "", *(f"- {one}" for one in others), ""]
    steps = board.get("next", [])  # boards of earlier versions have none
    if steps:
        lines += ["**What to do next**", ""]
        for number, step in enumerate(steps, start=1):
            command = f" `{step['command']}`" if step["command"] else ""
            lines.append(f"{number}. {plain(step['sentence'])}{command}")
        lines.append("")
    return lines
