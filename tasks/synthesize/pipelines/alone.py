"""Work of torch that depends on nothing around it: one thread, and chance of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def alone(seed: int) -> Iterator[None]:
    """Let torch compute on one thread in this block, its global chance begun by `seed` and given back behind it."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
