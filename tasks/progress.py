"""What a stage tells the person who waits for it: how far it is, and what it found, a line each."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_REWRITE_SECONDS = 0.2
_LINES_A_STRETCH = 50  # so many lines, then as many while the time that went by grows by a factor of 2.7
_rewritten = ""  # what stands in the terminal's last line and gives way to whatever comes next
_STEP = re.compile(
    r"(?P<done>[\d,]+) of (?P<total>[\d,]+) (?P<what>.+) \(\d+%\)"
    r"(?:, (?P<rate>[\d,]+) a second)?(?:, (?P<left>\d+) s left)?"
)


@dataclass(frozen=True)
class Step:
    """How far some work is.

    Attributes
    ----------
    done, total
        Numbers of items.
    what
        The plural noun of the items.
    left
        Seconds that the rest takes, at the pace so far; None where nothing can be said yet.
    rate
        Items a second so far; None where nobody asks.
    """

    done: int
    total: int
    what: str
    left: float | None = None
    rate: float | None = None

    def __str__(self) -> str:
        pace = "" if self.rate is None else f", {self.rate:,.0f} a second"
        forecast = "" if self.left is None else f", {self.left:.0f} s left"
        return f"{self.done:,} of {self.total:,} {self.what} ({self.done / self.total:.0%}){pace}{forecast}"

    @classmethod
    def read(cls, line: str) -> Step | None:
        """What a line says of how far some work is; None if it says something else."""
        found = _STEP.fullmatch(line)
        if found is None:
            return None
        done, total = (int(found[name].replace(",", "")) for name in ("done", "total"))
        left, rate = (None if found[name] is None else float(found[name].replace(",", "")) for name in ("left", "rate"))
        return cls(done, total, found["what"], left, rate)


class Progress:
    """Iterates over items and tells how many are done and how long the rest takes.

    In a terminal that is one line, which is written again several times a second. Elsewhere it is a line every few
    seconds, and more and more rarely, so that long work doesn't fill a log.

    Parameters
    ----------
    items
        What to iterate over; anything with a length, or an iterator together with `total`.
    what
        The plural noun of the items, for instance ``images``.
    total
        Number of items where `items` has no length.
    every
        Seconds between two lines at the start, where this is no terminal.
    rate
        Whether items a second are told, too.
    size
        How many items something that `items` gives counts as, where it gives them by the dozen; 1 by default.
    """

    def __init__(
        self,
        items: Any,
        what: str,
        total: int | None = None,
        every: float = 2.0,
        *,
        rate: bool = False,
        size: Callable[[Any], int] | None = None,
    ) -> None:
        self.items = items
        self.what = what
        self.total = len(items) if total is None else total
        self.every = every
        self.rate = rate
        self.size = size

    def __iter__(self) -> Iterator[Any]:
        start = last = time.monotonic()
        in_terminal = _is_terminal()
        done = 0
        for item in self.items:
            yield item
            done += 1 if self.size is None else self.size(item)
            now = time.monotonic()
            pause = _REWRITE_SECONDS if in_terminal else max(self.every, (now - start) / _LINES_A_STRETCH)
            if now - last >= pause and done < self.total:
                last = now
                # The first items also pay for the start of the workers: no forecast from those.
                left = (now - start) / done * (self.total - done) if done >= self.total / 50 else None
                rate = done / max(now - start, 1e-9) if self.rate else None
                (_rewrite if in_terminal else say)(str(Step(done, self.total, self.what, left, rate)))
        say(f"{done:,} {self.what} in {time.monotonic() - start:.1f} s")


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _rewrite(text: str) -> None:
    """Write a text over the last one that was written so."""
    global _rewritten
    text = text[: shutil.get_terminal_size().columns - 1]
    sys.stdout.write(text.ljust(len(_rewritten)) + "\r")
    sys.stdout.flush()
    _rewritten = text


def clear_line() -> None:
    """Take away the line that tells how far some work is, if one stands there, so that other words can be written."""
    global _rewritten
    if _rewritten:
        sys.stdout.write(" " * len(_rewritten) + "\r")
        sys.stdout.flush()
        _rewritten = ""


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
    clear_line()
    sys.stdout.write(message + "\n")
    sys.stdout.flush()
