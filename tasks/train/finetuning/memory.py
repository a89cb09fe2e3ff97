"""Memory that a training gives back and takes again, many times a step: kept, and not filled without need."""

from __future__ import annotations

import ctypes
from typing import Any

import torch

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # as <malloc.h> of glibc numbers them
KEPT = 2**30  # bytes


def keep_freed_memory() -> None:
    """Let this process keep up to a GiB that it has freed, and spare torch filling what is about to be written.

    Else the C library hands every large array back to the system and is given a new one, a page fault for every 4 KiB:
    a sixth of the time of a small network. And where torch must be deterministic it fills new arrays, so that what is
    never written can be noticed. Changes no number. Where the C library is another, only the second is done.
    """
    deterministic: Any = torch.utils.deterministic  # its switch is a property, which types don't tell of
    deterministic.fill_uninitialized_memory = False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, KEPT)
        mallopt(TRIM_THRESHOLD, KEPT)
