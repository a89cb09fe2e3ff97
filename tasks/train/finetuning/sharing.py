"""A training shared out to several processes: each computes its part of every batch, and gradients are added up.

All of them run the same stage on the same tables, so that every one knows every batch and what it is mixed with, and
all end with the same weights; only the first writes and tells. That is how `torchrun` and `accelerate launch` have it,
but for who starts the others: the first one does, since DVC runs one command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MEETING = "EQUIPOISE_MEETING"  # the file by which the processes of a training find each other
RANK = "EQUIPOISE_RANK"
PROCESSES = "EQUIPOISE_PROCESSES"
PATIENCE = timedelta(minutes=10)  # that one waits for the others: they do the same work
LOST = 75  # the exit code of a process whose company has ended: what did end it is told by another


class LostError(RuntimeError):
    """Another process of the training has ended, or the way to it."""


@dataclass(frozen=True)
class Sharing:
    """What this process does of each batch.

    Attributes
    ----------
    rank
        Its number, from 0; the first one writes.
    processes
        How many there are.
    """

    rank: int = 0
    processes: int = 1

    def part(self, rows: int) -> slice:
        """Which of the rows of a batch are its own."""
        first, end = (rows * rank // self.processes for rank in (self.rank, self.rank + 1))
        return slice(first, end)

    def added_up(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The sums over all processes, float32: the same bits in each.

        Raises
        ------
        LostError
            If another process has ended.
        """
        if self.processes == 1:
            return list(tensors)
        import torch
        from torch import distributed

        together = torch.cat([one.flatten().float() for one in tensors])
        try:
            distributed.all_reduce(together)
        except RuntimeError as error:  # that is all that the backends say
            raise LostError("another process of the training has ended") from error
        parts = torch.split(together, [one.numel() for one in tensors])
        return [part.view_as(one) for part, one in zip(parts, tensors, strict=True)]


_present = Sharing()


def sharing() -> Sharing:
    """That of this process; alone, where nobody has begun a `company`."""
    return _present


@contextmanager
def company(stage: Sequence[str], root: Path, processes: int) -> Iterator[Sharing]:
    """In this block, a training is shared out to several processes, which the first one starts.

    Parameters
    ----------
    stage
        What they run: the arguments of ``python -m tasks``.
    root
        The workspace.
    processes
        How many, this one included.
    """
    if MEETING in os.environ:
        with _met(os.environ[MEETING], Sharing(int(os.environ[RANK]), int(os.environ[PROCESSES]))) as own:
            try:
                yield own
            except LostError:
                os._exit(LOST)
        return
    if processes == 1:
        yield Sharing()
        return
    with TemporaryDirectory() as scratch:
        meeting = str(Path(scratch, "meeting"))
        common = {**os.environ, MEETING: meeting, PROCESSES: str(processes)}
        command = [sys.executable, "-m", "tasks", *stage]
        others = [
            subprocess.Popen(command, cwd=root, env=common | {RANK: str(rank)}, stdout=subprocess.DEVNULL)
            for rank in range(1, processes)
        ]
        over = threading.Event()
        watches = [threading.Thread(target=_end_with, args=(other, others, over), daemon=True) for other in others]
        for watch in watches:
            watch.start()
        try:
            with _met(meeting, Sharing(0, processes)) as own:
                try:
                    yield own
                except LostError:  # the watch over the one that failed ends this process, and says why
                    for watch in watches:
                        watch.join(PATIENCE.total_seconds())
                    raise
            for other in others:
                other.wait()
        finally:
            over.set()
            for other in others:
                other.kill()


def _end_with(one: subprocess.Popen[bytes], others: Sequence[subprocess.Popen[bytes]], over: threading.Event) -> None:
    """End this process, and the others, if one of them has failed, which has told why: or they would wait for it."""
    code = one.wait()
    if code not in (0, LOST) and not over.is_set():
        for other in others:
            other.kill()
        sys.stderr.write(f"error: a process of the training ended with code {code}\n")
        sys.stderr.flush()
        os._exit(max(code, 1))


@contextmanager
def _met(meeting: str, own: Sharing) -> Iterator[Sharing]:
    """Meet the other processes, and part from them."""
    global _present
    import torch
    from torch import distributed

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    address = f"file://{meeting}"
    distributed.init_process_group(backend, address, PATIENCE, rank=own.rank, world_size=own.processes)
    _present = own
    try:
        yield own
    finally:
        _present = Sharing()
        distributed.destroy_process_group()
