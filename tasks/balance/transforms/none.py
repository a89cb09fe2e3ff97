"""No transforms: for recipes that make no new images."""

from __future__ import annotations

from tasks.balance.transforms import Step, Transforms


class Unchanged(Transforms):
    """Changes nothing."""

    def steps(self) -> tuple[Step, ...]:
        """None."""
        return ()
