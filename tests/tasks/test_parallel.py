"""Parallel work: results in order and as they come, the same for any number of processes and any chunks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import InputError
from tasks.parallel import chunkwise, each
from tasks.progress import Progress

ROOT = Path(__file__).parents[2]


def square(number: int) -> int:
    return number * number


def process_of(_: int) -> int:
    return os.getpid()


def process_and_size(chunk: list[int]) -> list[tuple[int, int]]:
    return [(os.getpid(), len(chunk))] * len(chunk)


def refuse(number: int) -> int:
    if number == 5:
        raise InputError(f"number {number} can't be read")
    return number


def product(matrix: np.ndarray, rows: list[int]) -> np.ndarray:
    return np.asarray([matrix[row].sum() for row in rows])


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_results_come_in_order_for_any_workers_and_chunks(workers: int, chunk: int) -> None:
    assert list(each(square, range(10), workers, chunk=chunk)) == [number**2 for number in range(10)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_a_function_of_whole_chunks_gives_the_same_bits_for_any_workers_and_chunks(workers: int, chunk: int) -> None:
    matrix = np.random.default_rng(0).normal(size=(20, 100_000))  # large enough to be mapped, not copied
    found = np.array(list(chunkwise(partial(product, matrix), range(20), workers, chunk=chunk)))
    np.testing.assert_array_equal(found, [row.sum() for row in matrix])


def test_one_worker_is_this_process_and_so_is_whoever_gets_a_single_chunk() -> None:
    assert set(each(process_of, range(5), 1, chunk=1)) == {os.getpid()}
    assert set(each(process_of, range(5), 8, chunk=5)) == {os.getpid()}


def test_several_workers_are_processes_of_their_own() -> None:
    assert os.getpid() not in set(each(process_of, range(4), 2, chunk=1))


def test_results_come_as_they_are_made() -> None:
    seen: list[int] = []

    def noted(number: int) -> int:
        seen.append(number)
        return number

    results = each(noted, range(9), 1, chunk=3)
    assert seen == []
    assert next(results) == 0
    assert seen == [0, 1, 2]
    assert list(Progress(results, "numbers", total=8)) == list(range(1, 9))


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [
        (None, [4, 4, 2]),
        ([1] * 10, [4, 4, 2]),
        ([4, 1, 1, 1, 1, 9, 2, 1, 1, 1], [1, 4, 1, 3, 1]),
        ([3, 3, 3, 3, 3, 3, 3, 3, 3, 3], [2, 2, 2, 2, 2]),
    ],
)
def test_a_chunk_ends_with_the_item_that_fills_it(weights: list[int] | None, sizes: list[int]) -> None:
    seen: list[int] = []

    def sized(chunk: list[int]) -> Iterable[int]:
        seen.append(len(chunk))
        return chunk

    weight = None if weights is None else weights.__getitem__
    assert list(chunkwise(sized, range(10), 1, chunk=4, weight=weight)) == list(range(10))
    assert seen == sizes


def test_chunks_are_the_same_in_processes() -> None:
    assert [size for _, size in chunkwise(process_and_size, range(5), 2, chunk=2)] == [2, 2, 2, 2, 1]


def test_nothing_to_do_is_done_at_once() -> None:
    assert list(each(square, [], 2)) == []


def test_items_may_come_from_an_iterator() -> None:
    def numbers() -> Iterator[int]:
        yield from (1, 2, 3)

    assert list(each(square, numbers(), 1)) == [1, 4, 9]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_that_of_the_function(workers: int) -> None:
    with pytest.raises(InputError, match="number 5 can't be read"):
        list(each(refuse, range(9), workers, chunk=1))
