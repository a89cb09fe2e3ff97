"""Files of skops with the same bytes for the same model: skops names their members by memory addresses and times."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCHEMA = "schema.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
ADDRESS = re.compile(r'("__id__": |"file": ")(\d+)')


def write_skops(fitted: Any, file: Path) -> None:
    """Write what scikit-learn or its kin fitted; no pickle."""
    file.write_bytes(skops_bytes(fitted))


def skops_bytes(fitted: Any) -> bytes:
    """What `write_skops` writes."""
    from skops.io import dumps

    return canonical(dumps(fitted))


def read_skops(file: Path, trusted: Sequence[str]) -> Any:
    """Read what `write_skops` wrote, of types that skops knows or that are `trusted`."""
    from skops.io import load

    return load(file, trusted=list(trusted))


def canonical(data: bytes) -> bytes:
    """What `skops.io.dumps` made, its addresses numbered in order of appearance and its times set to the earliest."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"{match[1]}{numbers.setdefault(match[2], len(numbers))}"

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        schema = ADDRESS.sub(number, old.read(SCHEMA).decode())
        members = {
            f"{numbers[stem]}.{ending}": old.read(f"{stem}.{ending}")
            for stem, _, ending in (name.partition(".") for name in old.namelist() if name != SCHEMA)
        }
        new.writestr(zipfile.ZipInfo(SCHEMA, EPOCH), schema, zipfile.ZIP_DEFLATED)
        for name in sorted(members, key=lambda name: int(name.partition(".")[0])):
            new.writestr(zipfile.ZipInfo(name, EPOCH), members[name], zipfile.ZIP_DEFLATED)
    return made.getvalue()
