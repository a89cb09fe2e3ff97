"""How names are written in tables, in messages, and in the lines that messages offer to type."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable


def readable(name: str) -> str:
    """A file's name as text, also where its bytes are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def first_few(items: list[str], number: int = 3) -> str:
    """The first `number` of `items`, and how many more there are."""
    more = f" and {len(items) - number:,} more" if len(items) > number else ""
    return ", ".join(items[:number]) + more


def quoted(word: str) -> str:
    """A word of a command in quotes, as a shell takes it."""
    return "'" + word.replace("'", "'\"'\"'") + "'"


def set_names(key: str, names: Iterable[str]) -> str:
    """The option of the command line that sets a parameter to a list of names."""
    return "--set " + quoted(f"{key}=[{', '.join(map(yaml_text, names))}]")


def yaml_text(name: str) -> str:
    """A name as YAML text, whatever it looks like; letters that can't be seen, or told apart, as their numbers."""
    composed = unicodedata.normalize("NFC", name) == name
    shown = ""
    for sign in name:
        if sign in '\\"':
            shown += f"\\{sign}"
        elif sign.isprintable() and (composed or not unicodedata.combining(sign)):
            shown += sign
        else:
            shown += f"\\U{ord(sign):08x}"
    return f'"{shown}"'
