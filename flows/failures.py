"""How the end of a stage's process is told: the stage's result, and for a failure in whose words."""

from __future__ import annotations

import signal
from pathlib import Path

from flows.outcomes import Outcome, Result
from flows.process import Ended
from flows.reproduced import ErrorKind, Reproduced
from tasks.workspace import STATE

SHOWN_LINES = 15
SHELL_SIGNAL = 128  # what a shell adds to the signal that ended its command
SAYS_WHY = "error: "  # how a stage starts what it says of wrong input


def result_of(stage: str, ended: Ended, reproduced: Reproduced | None, seconds: float, log: Path) -> Result:
    """The result of a stage.

    Parameters
    ----------
    stage
        Its address.
    ended
        How its process ended.
    reproduced
        What the process wrote, if it came to that.
    seconds
        What it took, all attempts together.
    log
        Its log file.
    """
    if ended.why == "cancelled":
        return Result(stage, Outcome.CANCELLED, seconds, "cancelled", 1)
    if ended.why == "timeout":
        return Result(stage, Outcome.FAILED, seconds, f"took longer than its limit of {seconds:.0f} s and was ended", 1)
    if ended.code == 0 and reproduced is not None:
        return Result(stage, reproduced.outcome, seconds, peak_memory=reproduced.peak_memory)
    message = f"{_words(ended, reproduced)}\n(log: {STATE}/{_below_state(log)})"
    is_input = reproduced is not None and reproduced.error is ErrorKind.INPUT
    return Result(stage, Outcome.FAILED, seconds, message, 2 if is_input else 1)


def _words(ended: Ended, reproduced: Reproduced | None) -> str:
    """A command that failed has said why; otherwise it is DVC that failed, before or after it."""
    code = ended.code if reproduced is None else reproduced.exit_code
    if killed := _signal_of(code):  # what it printed before is no reason
        remedy = ", mostly since the memory ran out: `--jobs 1` needs the least" if killed == "SIGKILL" else ""
        return f"was killed by the signal {killed}{remedy}"
    if reproduced is None:
        return ended.lines[-1] if ended.lines else f"ended with exit code {ended.code}"
    if reproduced.command_failed and ended.lines:
        last = ended.lines[-SHOWN_LINES:]
        starts = [at for at, line in enumerate(last) if line.startswith(SAYS_WHY)]
        # What libraries said before it is in the log; an error that was not foreseen is told with what led to it.
        return "\n".join(last[starts[-1] :] if starts and reproduced.error is ErrorKind.INPUT else last)
    return reproduced.message


def _signal_of(code: int) -> str:
    """The signal that an exit code tells, of the process itself or of a shell around it; empty for none."""
    number = -code if code < 0 else code - SHELL_SIGNAL
    if number in set(signal.Signals):
        return signal.Signals(number).name
    return str(number) if code < 0 else ""


def _below_state(log: Path) -> str:
    parts = log.parts
    return "/".join(parts[parts.index(STATE) + 1 :]) if STATE in parts else log.name
