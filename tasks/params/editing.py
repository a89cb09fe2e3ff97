"""Changing `params.yaml` from the command line: only the lines that say something else change.

The value's own characters are replaced in the text, because writing the whole file anew would lose quotes, spaces and
line ends. What comes of it is read again and compared with what was asked for before the file is touched.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from tasks.errors import InputError, did_you_mean
from tasks.files import write_bytes, write_text
from tasks.params.models import Params
from tasks.params.reading import check_params, parse_yaml, plain, read_text


def set_values(path: Path, assignments: Sequence[str]) -> Params:
    """Write assignments into the file, whole or not at all, and return the checked parameters; see `changed`."""
    params, text = changed(path, assignments)
    if text != read_text(path):
        write_text(path, text)
    return params


def changed(path: Path, assignments: Sequence[str]) -> tuple[Params, str]:
    """The checked parameters and the text of the file once ``key.path=value`` assignments were written into it.

    A value is read as YAML (``1``, ``0.5``, ``true``, ``[a, b]``, ``{recipe: natural, ...}``). An absent last key is
    added where the model knows it.

    Raises
    ------
    InputError
        An assignment is malformed, its path leads nowhere, or the result would be wrong; the file stays as it was.
    """
    text = read_text(path)
    wanted = plain(parse_yaml(text, path))
    for assignment in assignments:
        key, equals, value_text = assignment.partition("=")
        if not equals or not key:
            raise InputError(f"--set {assignment}: write it as key=value, for instance split.folds=4")
        value = _parse_value(assignment, value_text)
        keys = key.strip().split(".")
        _assign(wanted, keys, value)
        text = _edit(text, keys, value)
        if not _says(text, wanted, path):
            raise InputError(f"--set {assignment}: the layout of {path.name} can't be edited here; do it by hand")
    try:
        return check_params(parse_yaml(text, path), path), text
    except InputError as error:
        raise InputError(f"{error}\n{path.name} stays as it was") from None


@contextmanager
def put_back_if_refused(path: Path) -> Iterator[None]:
    """Give the file the bytes that it has now, should the block that follows end in an error of whatever kind.

    Parameters
    ----------
    path
        The file of parameters, which the block may change.
    """
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    except BaseException:
        if before is not None and path.read_bytes() != before:
            write_bytes(path, before)
        raise


def _says(text: str, wanted: dict[str, Any], path: Path) -> bool:
    try:
        return bool(plain(parse_yaml(text, path)) == wanted)
    except InputError:
        return False


def _parse_value(assignment: str, text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise InputError(f"--set {assignment}: the value is not valid YAML; put quotes around it") from None


def _assign(data: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set the value at `keys` in plain data."""
    node = data
    for depth, key in enumerate(keys[:-1], start=1):
        if not isinstance(node.get(key), dict):
            raise InputError(
                f"--set {'.'.join(keys)}: there is no section '{'.'.join(keys[:depth])}' in params.yaml"
                + did_you_mean(key, list(node))
            )
        node = node[key]
    node[keys[-1]] = value


def _edit(text: str, keys: list[str], value: Any) -> str:
    """The text with the value at `keys` replaced or, where the last key is absent, added to its section."""
    section: Any = YAML().compose(text)
    for key in keys[:-1]:
        section = _entries(section)[key][1]
    written, entries = on_one_line(value), _entries(section)
    if keys[-1] in entries:
        name, old = entries[keys[-1]]
        start = text.index(":", name.end_mark.index) + 1
        end = start if _is_empty(old) else end_of(text, old)
        replaced = text[start:end]
        gap = replaced[: len(replaced) - len(replaced.lstrip(" "))] or " "
        longer = len(gap + written) - len(replaced.rpartition("\n")[2])
        return text[:start] + gap + written + _shifted(text[end:], longer)
    if section.flow_style:
        end = section.end_mark.index - 1
        return text[:end] + (", " if entries else "") + f"{on_one_line(keys[-1])}: {written}" + text[end:]
    newline = "\r\n" if "\r\n" in text else "\n"
    line = text.find("\n", end_of(text, section))
    end = len(text) if line < 0 else line - (newline == "\r\n")
    column = " " * section.start_mark.column
    return text[:end] + f"{newline}{column}{on_one_line(keys[-1])}: {written}" + text[end:]


def _shifted(rest: str, longer: int) -> str:
    """What follows a value that is `longer` by so many characters, its comment in the same column where that fits."""
    comment = rest.lstrip(" ")
    spaces = len(rest) - len(comment)
    return " " * max(1, spaces - longer) + comment if spaces and comment.startswith("#") else rest


def _entries(section: Node) -> dict[str, tuple[Node, Node]]:
    return {key.value: (key, value) for key, value in section.value} if isinstance(section, MappingNode) else {}


def end_of(text: str, node: Node) -> int:
    """Where a node's last character stands; a block's own end mark lies behind the comments that follow it."""
    if isinstance(node, CollectionNode) and not node.flow_style:
        last = node.value[-1]
        key, value = last if isinstance(last, tuple) else (last, last)
        return end_of(text, key if _is_empty(value) else value)
    return int(node.start_mark.index) + len(text[node.start_mark.index : node.end_mark.index].rstrip())


def _is_empty(node: Node) -> bool:
    """Whether no character stands for the value; its mark then says nothing of its place."""
    return bool(node.start_mark.index == node.end_mark.index)


def on_one_line(value: Any) -> str:
    """A value on one line, as it may stand in a list or mapping."""
    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = 1_000_000
    written = io.StringIO()
    yaml.dump({"key": value}, written)
    return written.getvalue().strip().removeprefix("{key: ").removesuffix("}")
