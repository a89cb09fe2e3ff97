"""What goes wrong outside the user's files, and how errors are told."""

from __future__ import annotations

import errno

from flows.masking import masked

_REMEDIES = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some of your share of the disk",
    errno.EFBIG: "let files be larger (ulimit -f)",
    errno.EMFILE: "let more files be open (ulimit -n)",
    errno.EROFS: "let the disk be written to",
    errno.EACCES: "give yourself access to it",
    errno.EPERM: "give yourself access to it",
}


class ServerError(Exception):
    """A server that a command needs did not start, or ended; the message holds its last words."""


def error_of_the_place(error: OSError) -> str:
    """What is wrong where a command works, such as a full disk, and what to do; empty where it may be our own fault."""
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        return ""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}: {remedy}, then give the same command again; what was finished is kept"


def error_chain(error: BaseException) -> str:
    """The message of an error and of what caused it, without passwords."""
    messages = []
    cause: BaseException | None = error
    while cause is not None:
        if str(cause) and str(cause) not in messages:
            messages.append(str(cause))
        cause = cause.__cause__
    return masked(": ".join(messages) or type(error).__name__)
