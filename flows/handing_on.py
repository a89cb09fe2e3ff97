"""The execution that a flow follows: begun by whoever asked for the run, and handed on to the flow, or begun by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from flows.execution import Execution
from flows.journal import Journal
from flows.locks import workspace_lock
from flows.plan import make_plan

_handed_on: ContextVar[Execution | None] = ContextVar("execution", default=None)


@contextmanager
def handing_on(execution: Execution) -> Iterator[None]:
    """Let the flow that is started in this block follow `execution`; the caller holds the workspace."""
    token = _handed_on.set(execution)
    try:
        yield
    finally:
        _handed_on.reset(token)


@contextmanager
def execution_of_run(
    root: Path, targets: Iterable[str] = (), *, jobs: int | None = None, force: bool = False
) -> Iterator[Execution]:
    """The execution that a run of the project at `root` follows, which holds the workspace in this block.

    It is the one that was handed on, if there is one, or else begun here; see `make_plan` and `Execution`.

    Raises
    ------
    InputError
        Another run holds the workspace, or no plan can be made.
    """
    execution = _handed_on.get()
    if execution is not None:
        yield execution
        return
    with workspace_lock(root), Execution(make_plan(root, targets, force=force), Journal(root), jobs) as begun:
        yield begun
