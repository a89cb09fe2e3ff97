"""The error that people are meant to read, and the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


class InputError(Exception):
    """The input or the parameters are wrong: a sentence with what, where and what to do.

    Ends a stage or a command with exit code 2 and without a traceback. ``str(error)`` may hold several lines, one a
    mistake.
    """


class DamagedError(InputError):
    """A file that this project wrote can't be read; the cause of the error says why."""


def require_classes(named: Iterable[str], classes: Collection[str], where: str) -> None:
    """Refuse a class that there isn't.

    Parameters
    ----------
    named
        The classes that are named.
    where
        By which setting.

    Raises
    ------
    InputError
        One of them is not among `classes`.
    """
    for label in named:
        if label not in classes:
            raise InputError(
                f"{where}: there is no class {label!r}{did_you_mean(label, classes)}; the classes are "
                f"{', '.join(classes)}"
            )


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'gamma'?)``, or nothing."""
    match = closest(name, known)
    return f" (did you mean {match!r}?)" if match else ""
