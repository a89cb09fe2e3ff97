"""What a stage tells the person who waits for it: how far it is, and what it found, a line each."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from typing import Any


class Progress:
    """Iterates over items and prints, every few seconds, how many are done and how long the rest takes.

    Parameters
    ----------
    items
        What to iterate over; anything with a length, or an iterator together with `total`.
    what
        The plural noun of the items, for instance ``images``.
    total
        Number of items where `items` has no length.
    """

    def __init__(self, items: Any, what: str, total: int | None = None, every: float = 2.0) -> None:
        self.items = items
        self.what = what
        self.total = len(items) if total is None else total
        self.every = every

    def __iter__(self) -> Iterator[Any]:
        start = last = time.monotonic()
        done = 0
        for done, item in enumerate(self.items, start=1):
            yield item
            now = time.monotonic()
            if now - last >= self.every and done < self.total:
                last = now
                left = (now - start) / done * (self.total - done)
                # The first items also pay for the start of the workers: no forecast from those.
                forecast = f", {left:.0f} s left" if done >= self.total / 50 else ""
                say(f"{done:,} of {self.total:,} {self.what} ({done / self.total:.0%}){forecast}")
        say(f"{done:,} {self.what} in {time.monotonic() - start:.1f} s")


def speak_anywhere() -> None:
    """Let standard output and error take every character, whatever the terminal or the cron job knows.

    One that they don't know is written as its code, ``\\u6f22`` for instance; where there is no output at all, nothing
    is written.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(message: str) -> None:
    """Tell the person at the keyboard one line; it reaches the terminal, the log file and Prefect's log."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()
