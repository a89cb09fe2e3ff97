"""No transforms: for recipes that make no new images."""

from __future__ import annotations

from typing import Literal

from tasks.balance.presets import Preset
from tasks.balance.steps import Step


class Unchanged(Preset):
    """Changes nothing."""

    name: Literal["none"] = "none"

    def steps(self) -> tuple[Step, ...]:
        """None."""
        return ()
