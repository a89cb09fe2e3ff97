"""`equipoise run --quick`: a first answer, said to be preliminary, beside the versions of everything."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from flows import terminal
from flows.environment import child_environment
from flows.failures import SAYS_WHY
from flows.leaderboard import show_preliminary
from flows.locks import workspace_lock
from flows.process import run_child
from tasks.errors import InputError
from tasks.files import read_json
from tasks.params.editing import put_back_if_refused, set_values
from tasks.quick import RESULT
from tasks.workspace import STATE


def run_quickly(root: Path, settings: Sequence[str], jobs: int | None) -> int:
    """Run it in a process of its own and show what came of it; returns the exit code.

    `settings` are ``key.path=value`` for `params.yaml`, which stays as it was if the run is refused.

    Raises
    ------
    InputError
        It was refused, and the message is that of the stage; or another run holds the workspace.
    """
    with workspace_lock(root), terminal.live():
        terminal.stage_started("quick")
        if settings:
            with put_back_if_refused(root / "params.yaml"):
                set_values(root / "params.yaml", settings)
        code = _run(root, jobs)
    if code == 0:
        show_preliminary(read_json(root / RESULT))
    return code


def _run(root: Path, jobs: int | None) -> int:
    (root / RESULT).unlink(missing_ok=True)
    ended = run_child(
        [sys.executable, "-m", "flows.quick_process"],
        root=root,
        environment=child_environment(jobs or os.cpu_count() or 1),
        log=root / STATE / "logs" / "quick.log",
        on_line=lambda line: terminal.stage_line("quick", line),
        cancelled=threading.Event(),
    )
    if ended.code == 2:
        starts = [at for at, line in enumerate(ended.lines) if line.startswith(SAYS_WHY)]
        said = "\n".join(ended.lines[starts[-1] if starts else 0 :]).removeprefix(SAYS_WHY)
        raise InputError(said.replace("\n  equipoise run --set", "\n  equipoise run --quick --set"))
    if ended.code:
        terminal.note(f"the quick run ended with an error; its log is {root / STATE / 'logs' / 'quick.log'}")
        return 1
    return 0
