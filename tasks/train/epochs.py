"""The epochs of a training as they end: a line of JSON each, appended to a file that git and DVC ignore.

Whoever wants to follow a long training reads it as it grows. The final curve is an output of the stage.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from tasks.json_lines import append_line, read_lines
from tasks.workspace import STATE


@dataclass(frozen=True)
class Epoch:
    """One epoch of one fit.

    Attributes
    ----------
    fit, fits
        The number of the fit, from 1, and how many the strategy has.
    repeat, fold
        What the fit leaves out; both None for one of all training rows.
    seed
        Of the fit.
    epoch, epochs
        The number of the epoch, from 1, and how many the fit has, where the family says so.
    loss
        Mean training loss an image.
    """

    fit: int
    fits: int
    repeat: int | None
    fold: int | None
    seed: int
    epoch: int
    epochs: int | None
    loss: float

    def __str__(self) -> str:
        last = "" if self.epochs is None else f" of {self.epochs:,}"
        rows = "all training rows" if self.fold is None else f"fold {self.fold}"
        rows += f" of repeat {self.repeat}" if self.repeat else ""
        where = f"{rows}, seed {self.seed}; fit {self.fit} of {self.fits}"
        return f"epoch {self.epoch:,}{last}, loss {self.loss:.4f} ({where})"


def epochs_file(root: Path, strategy: str) -> Path:
    """Where the workspace at `root` keeps the epochs of a strategy's last training."""
    return root / STATE / "epochs" / f"{strategy}.jsonl"


def begin_epochs(file: Path) -> None:
    """Take away what an earlier training left."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")


def append_epoch(file: Path, epoch: Epoch) -> None:
    """Add a line; it is there at once for whoever reads."""
    append_line(file, asdict(epoch))


def read_epochs(file: Path, start: int = 0) -> tuple[list[Epoch], int]:
    """The epochs whose lines are whole, from a place in the file on, and the place from which to read on."""
    lines, place = read_lines(file, start)
    return [Epoch(**line) for line in lines], place
