"""Parallel work: one function on many items, in processes side by side; the only place that knows how it is done.

Items go to a process in chunks, because handing one over costs more than many an item does. Neither the chunks nor the
number of processes may decide a result: a function gives the same for an item whatever came before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 32  # items a process gets at a time: right where one takes some milliseconds, such as an image


def each(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    *,
    chunk: int = CHUNK,
    weight: Callable[[Item], int] | None = None,
) -> Iterator[Result]:
    """What a function gives for each item, in the order of the items, as it comes.

    Parameters
    ----------
    function
        Can be pickled: a function of a module, or a `functools.partial` of one. Large arrays that a partial holds are
        mapped into memory once for all processes.
    items
        What it is called with, one at a time.
    workers
        How many processes, at least 1, work at the same time, each on one thread; more than there are chunks are not
        started, and a single one is this process itself. Changes time, never a result.
    chunk
        How many items a process gets at a time: 1 where each takes seconds, many where each takes microseconds.
    weight
        How many items an item counts as, where some are much more work than others; 1 by default.

    Raises
    ------
    Exception
        What the function raises for an item, at the latest when the items before it have come.
    """
    return chunkwise(partial(_one_by_one, function), items, workers, chunk=chunk, weight=weight)


def chunkwise(
    function: Callable[[list[Item]], Iterable[Result]],
    items: Iterable[Item],
    workers: int,
    *,
    chunk: int = CHUNK,
    weight: Callable[[Item], int] | None = None,
) -> Iterator[Result]:
    """As `each`, for a function that takes a whole chunk and gives a list or array with one result an item.

    It serves where something is prepared once a chunk, or where a chunk is quicker than its items one by one.
    """
    chunks = _chunks(items, chunk, weight)
    processes = min(workers, len(chunks))
    for results in _side_by_side(function, chunks, processes) if processes > 1 else map(function, chunks):
        yield from results


def _side_by_side(
    function: Callable[[list[Item]], Iterable[Result]], chunks: list[list[Item]], processes: int
) -> Iterator[Iterable[Result]]:
    from joblib import Parallel, delayed

    results: Iterator[Iterable[Result]] = Parallel(n_jobs=processes, return_as="generator")(
        delayed(function)(chunk) for chunk in chunks
    )
    return results


def _chunks(items: Iterable[Item], chunk: int, weight: Callable[[Item], int] | None) -> list[list[Item]]:
    """The items in chunks, each ended by the item that fills it."""
    chunks: list[list[Item]] = []
    room = 0
    for item in items:
        if room <= 0:
            chunks.append([])
            room = chunk
        chunks[-1].append(item)
        room -= 1 if weight is None else weight(item)
    return chunks


def _one_by_one(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]
