"""The parallel graph runner: DVC's stages, independent ones at the same time, one process each.

Each stage runs as ``dvc repro --single-item`` in topological order, which is the one way in which DVC allows several at
once; so `dvc.lock` ends up with the entries and hashes of a plain ``dvc repro``. What runs a stage is passed in, so
that one can wrap it, for instance in a Prefect task run.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from flows.graph import Graph
from flows.outcomes import Outcome, Result

Execute = Callable[[str, int], Result]
"""Runs a stage, given its address and how many worker processes it may use, and says what became of it."""


def run_graph(
    graph: Graph,
    stale: set[str],
    execute: Execute,
    *,
    jobs: int,
    cancelled: threading.Event,
    on_result: Callable[[Result], None] = lambda result: None,
) -> dict[str, Result]:
    """Run a graph, at most `jobs` stages at the same time, and return what became of each stage.

    A stage is executed if it is in `stale` or something that it waits for was executed; else it is unchanged, which
    costs nothing. What waits for a failed stage is blocked; everything else still runs.

    Parameters
    ----------
    graph
        What to run.
    stale
        Stages that are known to need running.
    execute
        Runs one stage; called from several threads at once.
    jobs
        How many stages run at the same time; results don't depend on it.
    cancelled
        Set when this function is left by an exception (``KeyboardInterrupt`` included), so that stages that run end.
    on_result
        Called, in the calling thread, with each stage's result as it is known.
    """
    results: dict[str, Result] = {}
    waiting = list(graph.upstream)
    running: set[str] = set()
    culprits: dict[str, list[str]] = {}  # for a stage that did not end well, itself, or the failed ones it waits for
    finished: queue.Queue[tuple[str, Future[Result]]] = queue.Queue()

    def announce(stage: str, future: Future[Result]) -> None:
        finished.put((stage, future))

    def settle(result: Result) -> None:
        results[result.stage] = result
        if not result.outcome.good:
            culprits.setdefault(result.stage, [result.stage])
        if result.stage in waiting:
            waiting.remove(result.stage)
        on_result(result)

    def next_ready() -> list[str]:
        """Stages that can run now; settles those that are unchanged or blocked on the way."""
        ready = []
        for stage in list(waiting):
            known = [results[upper] for upper in graph.upstream[stage] if upper in results]
            bad = [culprit for result in known for culprit in culprits.get(result.stage, ())]
            if bad:
                culprits[stage] = list(dict.fromkeys(bad))
                settle(Result(stage, Outcome.BLOCKED, message=f"waits for {', '.join(culprits[stage])}"))
            elif len(known) < len(graph.upstream[stage]):
                continue
            elif stage in stale or any(result.outcome is not Outcome.UNCHANGED for result in known):
                ready.append(stage)
            else:
                settle(Result(stage, Outcome.UNCHANGED))
        return ready

    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="stage") as pool:
        try:
            while waiting or running:
                ready = next_ready()
                workers = max(1, jobs // max(1, len(running) + len(ready)))
                for stage in ready[: jobs - len(running)]:
                    waiting.remove(stage)
                    running.add(stage)
                    pool.submit(execute, stage, workers).add_done_callback(partial(announce, stage))
                if running:
                    stage, future = finished.get()
                    running.discard(stage)
                    settle(future.result())
        except BaseException:
            cancelled.set()
            raise
    return {stage: results[stage] for stage in graph.upstream}
