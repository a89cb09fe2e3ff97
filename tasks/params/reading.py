"""Reading `params.yaml`: all mistakes at once, each with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tasks.errors import InputError
from tasks.params.checks import contradictions
from tasks.params.flat import nested_form
from tasks.params.mistakes import place, sentence, told
from tasks.params.models import Params
from tasks.params.syntax import syntax_mistake


def load_params(path: Path) -> Params:
    """Read and check the parameters.

    Raises
    ------
    InputError
        Every mistake in the file, a line each: ``params.yaml:12: strategies.focal.gama: unknown key ...``.
    """
    return check_params(parse_yaml(read_text(path), path), path)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, line ends kept."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run this in the folder of an Equipoise project") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}; give yourself access to it") from None


def parse_yaml(text: str, path: Path) -> CommentedMap:
    """A YAML mapping with line numbers kept; `path` is named in the messages."""
    try:
        data = YAML().load(text)
    except MarkedYAMLError as error:
        line, mistake = syntax_mistake(error)
        raise InputError(f"{path.name}:{line}: {mistake}") from None
    except YAMLError as error:
        raise InputError(f"{path.name}: not valid YAML: {error}; mend it, or get the file back from git") from None
    if not isinstance(data, CommentedMap):
        raise InputError(f"{path.name}:1: must be a mapping of sections, such as 'ingest:' and 'strategies:'")
    return data


def check_params(data: CommentedMap, path: Path) -> Params:
    """Check parameters that `parse_yaml` made; `path` is named in the messages.

    Raises
    ------
    InputError
        See `load_params`; parameters in the flat form of earlier versions are told once, with the new form to paste.
    """
    values = plain(data)
    if flat := nested_form(values):
        raise InputError(f"{path.name}: {flat}")
    mistakes: list[Any] = contradictions(values)
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        mistakes = told([*error.errors(), *mistakes])
    else:
        if not mistakes:
            return params
    lines = sorted({(_line_of(data, place(mistake["loc"])), sentence(mistake)) for mistake in mistakes})
    raise InputError("\n".join(f"{path.name}:{line}: {mistake}" for line, mistake in lines)) from None


def plain(value: Any) -> Any:
    """Ruamel's containers and scalars as Python's own."""
    if isinstance(value, CommentedMap):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, CommentedSeq):
        return [plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _line_of(data: CommentedMap, loc: tuple[int | str, ...]) -> int:
    """The line, from 1, at which the value at `loc` stands, or that of its nearest enclosing key."""
    line = 1
    node: Any = data
    for key in loc:
        own = next((name for name in node if str(name) == str(key)), None) if isinstance(node, CommentedMap) else key
        try:
            line = node.lc.data[own][0] + 1
            node = node[own]
        except (AttributeError, KeyError, TypeError):
            break  # missing, merged from elsewhere, or below a mistake
    return line
