"""What can become of a stage, and what became of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a stage."""

    COMPLETED = "Completed"  # its command ran
    RESTORED = "Restored"  # DVC had the outputs in its run cache
    UNCHANGED = "Unchanged"
    FAILED = "Failed"
    BLOCKED = "Blocked"  # something it waits for failed
    CANCELLED = "Cancelled"

    @property
    def good(self) -> bool:
        """Whether stages that wait for this one can run."""
        return self in (Outcome.COMPLETED, Outcome.RESTORED, Outcome.UNCHANGED)


@dataclass(frozen=True)
class Result:
    """What became of one stage: its outcome, what it took (bytes of memory, where known), and why a failure failed."""

    stage: str
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    exit_code: int = 0
    peak_memory: int | None = None
