"""Addresses that are made from paths: every character of a path is escaped here, and nowhere else."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from urllib.parse import quote

from tasks.errors import InputError


def file_address(path: Path) -> str:
    """The ``file://`` address of an absolute path."""
    return path.as_uri()


def sqlite_address(path: Path, driver: str) -> str:
    """The address of a SQLite database, as SQLAlchemy takes it.

    SQLAlchemy has no escape for a ``?`` in a path, so the path is handed on as SQLite's own kind of address, in which
    every character can be escaped (https://www.sqlite.org/uri.html).

    Parameters
    ----------
    path
        The database's file, absolute.
    driver
        The library that opens it, for instance ``pysqlite``. It has to be named: MLflow takes what follows a bare
        ``sqlite:///`` for a path, and would make a folder ``file:``.
    """
    return f"sqlite+{driver}:///file:{quote(str(path))}?uri=true"


def require_usable_path(path: Path) -> None:
    """Refuse a folder whose path no database, log or page could hold.

    Raises
    ------
    InputError
        The path has a control character, such as a line break, or bytes that are no UTF-8.
    """
    for character in str(path):
        if unicodedata.category(character) in ("Cc", "Cs"):
            kind = "a line break" if character in "\r\n" else "a control character"
            kind = "bytes that are no UTF-8" if unicodedata.category(character) == "Cs" else kind
            raise InputError(
                f"the project's path holds {kind} ({ascii(character)} in {ascii(str(path))}), which DVC, Prefect and "
                "MLflow can't keep: rename that folder, or move the project"
            )
