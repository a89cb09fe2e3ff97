"""Lines of JSON that are appended to a file, and read by another process as it grows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def append_line(file: Path, facts: Mapping[str, Any]) -> None:
    """Add a line; it is there at once for whoever reads."""
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(dict(facts)) + "\n")


def read_lines(file: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The lines that are whole, from a place in the file on.

    Parameters
    ----------
    file
        Which need not exist.
    start
        Bytes that were read before; a shorter file was begun anew, and is read from its start.

    Returns
    -------
    tuple
        What the lines hold, and the place from which to read on.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return [], 0
    start = start if start <= len(content) else 0
    end = content.rfind(b"\n") + 1
    lines = content[start:end].splitlines() if end > start else []
    return [json.loads(line) for line in lines], max(start, end)
