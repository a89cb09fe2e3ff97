"""How a stage writes `dvc.lock`: whole or not at all, and without working through the entries of all other stages.

DVC writes its lock file in place, so a stage that is ended in that moment would leave half a file, and half of a YAML
mapping is valid YAML. And it reads and writes the whole of it with what keeps comments, which is slow: two seconds a
stage where there are fifty. Here the file gets the same bytes, but only entries that change are written anew; the
others are taken over as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from tasks.files import write_text

ENTRY = re.compile(r"^(?=  \S)", re.MULTILINE)  # where an entry begins: DVC indents by two, and what is in it by more

ALIAS = re.compile(r"[&*]id\d+$", re.MULTILINE)  # a value that another entry may hold, as DVC writes shared ones


@contextmanager
def modify_lock(path: str, fs: Any = None) -> Iterator[Any]:
    """DVC's `modify_yaml` for a lock file, with the result written beside it and renamed.

    Parameters
    ----------
    path
        The file; made if it is missing.
    fs
        DVC's file system, which is the local one wherever files are modified.
    """
    from dvc.utils.serialize import dumps_yaml, parse_yaml, parse_yaml_for_update

    file = Path(path)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    data = parse_yaml(text, path)
    entries = _entries(text, data)
    if entries is None:  # not as DVC writes it: edited by hand, or of another version
        data = parse_yaml_for_update(text, path)
    before = {} if entries is None else deepcopy(data["stages"])
    yield data
    if entries is None or not _ends_in_stages(data):
        write_text(file, dumps_yaml(data))
        return
    begin = dumps_yaml({**data, "stages": None})
    write_text(file, begin + "".join(_entry(name, one, before, entries) for name, one in data["stages"].items()))


def _entries(text: str, data: Mapping[str, Any]) -> dict[str, str] | None:
    """The text of each stage's entry, where `text`, which says `data`, is laid out as DVC does it."""
    from dvc.utils.serialize import dumps_yaml

    if not _ends_in_stages(data) or ALIAS.search(text):
        return None
    stages = data["stages"]
    head, *parts = ENTRY.split(text.removeprefix(dumps_yaml({**data, "stages": None})))
    entries = {name: part for name, part in zip(stages, parts, strict=False) if part.startswith(f"  {name}:\n")}
    return entries if not head and len(entries) == len(parts) == len(stages) else None


def _ends_in_stages(data: Mapping[str, Any]) -> bool:
    return list(data)[-1:] == ["stages"] and bool(data["stages"])


def _entry(name: str, entry: Any, before: Mapping[str, Any], entries: Mapping[str, str]) -> str:
    """The text of a stage's entry: as it stands, or, if it changed, as DVC writes it."""
    from dvc.utils.serialize import dumps_yaml

    if name in before and entry == before[name]:
        return entries[name]
    return str(dumps_yaml({"stages": {name: _unshared(entry)}})).removeprefix("stages:\n")


def _unshared(value: Any) -> Any:
    """The same without values that stand in two places: of those YAML writes a number, which is another entry's too."""
    if isinstance(value, Mapping):
        return {key: _unshared(one) for key, one in value.items()}
    return [_unshared(one) for one in value] if isinstance(value, list) else value


def write_locks_so() -> None:
    """Let DVC use `modify_lock` in this process."""
    import dvc.dvcfile

    dvc.dvcfile.modify_yaml = modify_lock
