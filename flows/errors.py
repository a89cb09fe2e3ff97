"""What goes wrong outside the user's files, and how errors are told."""

from __future__ import annotations

from flows.masking import masked


class ServerError(Exception):
    """A server that a command needs did not start, or ended; the message holds its last words."""


def error_chain(error: BaseException) -> str:
    """The message of an error and of what caused it, without passwords."""
    messages = []
    cause: BaseException | None = error
    while cause is not None:
        if str(cause) and str(cause) not in messages:
            messages.append(str(cause))
        cause = cause.__cause__
    return masked(": ".join(messages) or type(error).__name__)
