"""Addresses that are made from paths: every character of a path is escaped here, and nowhere else."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from urllib.parse import quote

from tasks.errors import InputError

_UNUSABLE = {"Cc": "a control character", "Cs": "bytes that are no UTF-8"}  # by Unicode's category


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
    """Refuse a project's folder whose path DVC can't work in, or no database, log or page could hold.

    Raises
    ------
    InputError
        The path has a brace, a control character such as a line break, or bytes that are no UTF-8.
    """
    for character in str(path):
        kind = _UNUSABLE.get(unicodedata.category(character), repr(character) if character in "{}" else None)
        if kind:
            raise InputError(
                f"the project's path {str(path)!a} holds {kind}, with which DVC, Prefect or MLflow can't work: "
                "rename that folder, or move the project"
            )
