"""The execution of a plan: its stages run at once, and whoever shows them to the world follows when it can.

So a run waits for no server. The stages run from a thread of their own, each in a process of its own
(`flows.stage_runner`); Prefect's flow follows them, from the first, as soon as its server answers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType

from flows import terminal
from flows.errors import error_chain, error_of_the_place
from flows.following import Followed
from flows.graph_runner import run_graph
from flows.journal import Journal
from flows.masking import masked
from flows.outcomes import Outcome, Result
from flows.plan import Plan
from flows.stage_runner import StageRunner
from flows.tracking.live import LiveRuns


def broke_off(error: BaseException) -> str:
    """What is told of a run that something else than a stage has ended before its time."""
    place = error_of_the_place(error) if isinstance(error, OSError) else ""
    return f"the run broke off: {masked(place or error_chain(error))}"


class StageRun:
    """One stage of an execution, which has started or needs no start.

    Attributes
    ----------
    stage
        Its address.
    result
        What became of it, once that is known.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.result: Future[Result] = Future()
        self._lines: SimpleQueue[str | None] = SimpleQueue()

    def lines(self) -> Iterator[str]:
        """What it prints, as it does, until it has ended; one may ask once."""
        while (line := self._lines.get()) is not None:
            yield line

    def hear(self, line: str) -> None:
        """Take a line that the stage printed."""
        self._lines.put(line)

    def end(self, result: Result) -> None:
        """Take its result, which is the last that there is to know."""
        self.result.set_result(result)
        self._lines.put(None)


class Execution:
    """Runs a plan's stages from the moment a block of it is entered; leaving the block ends those that still run.

    What happens is told in the terminal and kept in the journal at once. The caller holds the workspace.

    Parameters
    ----------
    plan
        What to do.
    journal
        The run's; it is closed with the block.
    jobs
        Stages at the same time; as many as there are cores if None.

    Attributes
    ----------
    plan, journal, jobs
        As above.
    broken
        What ended it before its time, which the terminal has told; None where nothing did.
    """

    def __init__(self, plan: Plan, journal: Journal, jobs: int | None = None) -> None:
        self.plan = plan
        self.journal = journal
        self.jobs = jobs or os.cpu_count() or 1
        minutes = plan.params.run.stage_timeout_minutes
        self._runner = StageRunner(
            journal.root,
            journal.logs,
            forced=plan.forced,
            timeout=None if minutes is None else minutes * 60,
            on_line=self._hear,
        )
        self._live = LiveRuns(journal.root, plan.params.track.experiment, journal.run_id, journal.started)
        self._followed = Followed(journal.root, self._hear, self._live.show)
        self._running: dict[str, StageRun] = {}
        self._known: SimpleQueue[StageRun | None] = SimpleQueue()
        self.broken: BaseException | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, name="stages", daemon=True)

    def __enter__(self) -> Execution:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def stages(self) -> Iterator[StageRun]:
        """Every stage of the plan, as it starts or turns out to need no start; one may ask once.

        Raises
        ------
        Exception
            What ended the execution before its time, for instance a full disk while the journal was written.
        """
        while (stage := self._known.get()) is not None:
            yield stage
        if self.broken is not None:
            raise self.broken

    def end(self) -> None:
        """End what still runs, and close the journal: what has not come to an end counts as cancelled."""
        if self._over:
            return
        self._over = True
        self._runner.cancelled.set()
        try:
            self._thread.join()
            self._followed.close()
            self._live.close()
        finally:  # also where Ctrl-C is pressed once more
            self.journal.close(self.plan.graph.upstream)

    def _run(self) -> None:
        cancelled = self._runner.cancelled
        graph, stale = self.plan.graph, set(self.plan.stale)
        try:
            run_graph(graph, stale, self._run_stage, jobs=self.jobs, cancelled=cancelled, on_result=self._settle)
        except BaseException as error:  # told here, since perhaps nobody follows
            self.broken = error
            terminal.note(broke_off(error))
        finally:
            for one in self._running.values():
                if not one.result.done():
                    one.end(Result(one.stage, Outcome.CANCELLED))
            self._known.put(None)

    def _run_stage(self, stage: str, workers: int) -> Result:
        if self._runner.cancelled.is_set():
            return Result(stage, Outcome.CANCELLED)
        self._know(stage)
        terminal.stage_started(stage)
        self._followed.begin(stage)
        try:
            return self._runner.run_stage(stage, workers)
        except Exception as error:  # a full disk, for instance; others may still end well
            return Result(stage, Outcome.FAILED, message=f"could not be run: {masked(error_chain(error))}", exit_code=1)
        finally:
            self._followed.end(stage)

    def _know(self, stage: str) -> StageRun:
        one = self._running[stage] = StageRun(stage)
        self._known.put(one)
        return one

    def _hear(self, stage: str, line: str) -> None:
        terminal.stage_line(stage, line)
        self._running[stage].hear(line)

    def _settle(self, result: Result) -> None:
        if self._runner.cancelled.is_set() and not result.outcome.good:
            result = Result(result.stage, Outcome.CANCELLED, result.seconds)
        else:
            terminal.stage_ended(result)
        self.journal.add(result)
        (self._running.get(result.stage) or self._know(result.stage)).end(result)
