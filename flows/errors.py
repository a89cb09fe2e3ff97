"""What goes wrong outside the user's files."""


class ServerError(Exception):
    """A server that a command needs did not start, or ended; the message holds its last words."""
