"""Markdown that Prefect and MLflow show: names from data can't become links, images, emphasis or tags."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it stands, on one line."""
    return re.sub(r"([\\`*_\[\]()!<>|#])", r"\\\1", text.replace("\n", " "))
