"""Transforms: presets of changes that keep the label. A preset is plain data: names of albumentations' transforms with
their parameters, and beside each the reason why the class stays what it was. A new preset is one new file here.

What all presets avoid: corners without content, tilts and strong blur. In a set where only the rare classes are
augmented such traces become a mark of the class.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from tasks.registry import Part


@dataclass(frozen=True)
class Step:
    """One change.

    Attributes
    ----------
    name
        The class in albumentations.
    parameters
        Its arguments, as JSON knows them; `p` is the probability with which it happens.
    why
        Why it keeps the label.
    """

    name: str
    parameters: dict[str, Any]
    why: str


class Transforms(Part):
    """A preset: steps that are applied one after the other."""

    kind: ClassVar[str] = "transforms"

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order."""
        raise NotImplementedError

    def specification(self) -> str:
        """What decides the pixels, as JSON: names and parameters in order, without the reasons."""
        steps = [[step.name, step.parameters] for step in self.steps()]
        return json.dumps(steps, sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """8 hex digits that name the specification."""
        return hashlib.sha256(self.specification().encode()).hexdigest()[:8]
