"""The one error that people are meant to read, and the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """The input or the parameters are wrong: a sentence with what, where and what to do.

    Ends a stage or a command with exit code 2 and without a traceback. ``str(error)`` may hold several lines, one a
    mistake.
    """


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'gamma'?)``, or nothing."""
    match = closest(name, known)
    return f" (did you mean {match!r}?)" if match else ""
