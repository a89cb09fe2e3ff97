"""The plan that a run follows: made by whoever asked for the run, and handed on to it, so that none is made twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from flows.locks import workspace_lock
from flows.plan import Plan, make_plan

_handed_on: ContextVar[Plan | None] = ContextVar("plan", default=None)


@contextmanager
def handing_on(plan: Plan) -> Iterator[None]:
    """Let the run that is started in this block follow `plan`; the caller holds the workspace."""
    token = _handed_on.set(plan)
    try:
        yield
    finally:
        _handed_on.reset(token)


@contextmanager
def plan_of_run(root: Path, targets: Iterable[str] = (), *, force: bool = False) -> Iterator[Plan]:
    """The plan that a run of the project at `root` follows, which holds the workspace in this block.

    It is the one that was handed on, if there is one, or else made here; see `make_plan`.

    Raises
    ------
    InputError
        Another run holds the workspace, or no plan can be made.
    """
    plan = _handed_on.get()
    if plan is not None:
        yield plan
        return
    with workspace_lock(root):
        yield make_plan(root, targets, force=force)
