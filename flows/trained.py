"""Models that the workspace has trained, and what belongs to them: the rule of a strategy, where results may go."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from flows.leaderboard import read_leaderboard
from flows.lockfile import RAW
from tasks.errors import InputError

if TYPE_CHECKING:
    from tasks.rules import Rule

RECOMMENDED = "recommended"


def strategy_named(root: Path, name: str) -> str:
    """The strategy that a word names, which has a model: its own name, or ``recommended``.

    Raises
    ------
    InputError
        There is no such model; nothing was compared yet.
    """
    known = sorted(folder.name for folder in (root / "models").glob("*") if (folder / "model.json").is_file())
    listed = ", ".join(known) or "none yet"
    if name == RECOMMENDED:
        board = read_leaderboard(root)
        if board is None:
            raise InputError(f"no strategy is recommended yet: `equipoise run`, or name a trained one, of {listed}")
        name = str(board[RECOMMENDED])
    if name not in known:
        raise InputError(f"there is no trained strategy {name!r}; trained are: {listed}")
    return name


def rule_of(root: Path, strategy: str) -> Rule | None:
    """How the scores of a strategy are read; None before `evaluate` has fitted that."""
    from tasks.rules import Rule

    file = root / "reports" / "evaluate" / "rules" / f"{strategy}.json"
    return Rule.read(file) if file.is_file() else None


def require_place(root: Path, out: Path, option: str = "--to") -> None:
    """Refuse, before anything is computed, a place where no file can or should be written (`InputError`)."""
    if out.is_dir():
        raise InputError(f"{out}: is a folder; name the file that is to be written with {option}")
    if out.resolve().is_relative_to((root / RAW).resolve()):
        raise InputError(f"{out}: lies in {RAW}, whose version it would change; choose another {option}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise InputError(f"{out}: nothing can be written there ({error.strerror}); choose another {option}") from error
