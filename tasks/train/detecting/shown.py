"""What a detector is shown: some inputs, and what is remembered of them from fit to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tasks.inputs import Inputs, Source

BUDGET = 512 * 2**20  # bytes of arrays that are remembered; what is beyond is computed anew
Compute = Callable[["Shown"], Iterator[NDArray[np.float16]]]


@dataclass(eq=False)
class Memory:
    """Arrays of images that several fits look at, by id: every fold and seed would compute the same ones.

    Attributes
    ----------
    source
        Whose ids they are.
    budget
        Bytes that there is still room for.
    """

    source: Source
    budget: int = BUDGET
    _known: dict[str, NDArray[np.float16]] = field(default_factory=dict)

    def of(self, ids: Iterable[str]) -> dict[str, NDArray[np.float16]]:
        """What is remembered of some ids."""
        return {name: self._known[name] for name in ids if name in self._known}

    def keep(self, arrays: Mapping[str, NDArray[np.float16]]) -> None:
        """Remember as many arrays as there is room for."""
        for name, array in arrays.items():
            if name not in self._known and self.budget >= array.nbytes:
                self._known[name] = array
                self.budget -= array.nbytes


@dataclass(frozen=True, eq=False)
class Shown:
    """Some images as a detector may see them.

    Attributes
    ----------
    inputs
        The images.
    backbone, fold
        Whose features are taken, where features are.
    memory
        What is remembered of images of the same source; None: nothing.
    """

    inputs: Inputs
    backbone: str
    fold: int | None
    memory: Memory | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: NDArray[np.int64]) -> Shown:
        """Some of the images, by their places."""
        ids = self.inputs.ids
        return replace(self, inputs=self.inputs.take([ids[row] for row in rows]))

    def features(self) -> NDArray[np.float32]:
        """Feature vectors, shape (n, d)."""
        return self.inputs.features(self.backbone, self.fold)

    def batches(self, size: int) -> Iterator[Shown]:
        """The images, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))

    def each(self, compute: Compute, size: int) -> Iterator[NDArray[np.float16]]:
        """What `compute` makes of each image, in order, `size` images at a time; remembered ones are not made again."""
        for batch in self.batches(size):
            ids = batch.inputs.ids
            known = {} if self.memory is None else self.memory.of(ids)
            missing = [name for name in dict.fromkeys(ids) if name not in known]
            if missing:
                made = compute(replace(batch, inputs=batch.inputs.take(missing)))
                known |= dict(zip(missing, made, strict=True))
            if self.memory is not None:
                self.memory.keep(known)
            yield from (known[name] for name in ids)
