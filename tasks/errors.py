"""The one error that people are meant to read."""


class InputError(Exception):
    """The input or the parameters are wrong: a sentence with what, where and what to do.

    Ends a stage or a command with exit code 2 and without a traceback. ``str(error)`` may hold several lines, one a
    mistake.
    """
