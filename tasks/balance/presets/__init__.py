"""Presets: lists of transforms that keep the label of one kind of picture. A new preset is one new file here.

A preset comes to plain data: names of albumentations' transforms with their parameters, and beside each the reason why
the class stays what it was. What all presets avoid: corners without content, tilts and strong blur. In a set where only
the rare classes are augmented such traces become a mark of the class.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

from pydantic import Field

from tasks.balance.steps import Step, specify
from tasks.registry import Component


class Preset(Component):
    """Transforms that are applied one after the other."""

    kind: ClassVar[str] = "preset"

    strength: float = Field(1.0, gt=0, le=3, description="How strong the changes are: times the preset's magnitudes.")

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order."""
        raise NotImplementedError

    def specification(self) -> str:
        """What decides the pixels, as JSON: see `specify`."""
        return specify(self.steps())

    def digest(self) -> str:
        """8 hex digits that name the specification."""
        return hashlib.sha256(self.specification().encode()).hexdigest()[:8]
