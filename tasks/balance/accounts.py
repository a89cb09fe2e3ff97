"""What a component of a recipe was asked for and what it reached, for the person at the keyboard and the summary."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from tasks.registry import Component


@dataclass(frozen=True)
class Account:
    """What one component of a recipe does to the counts; rows a class in every mapping.

    Attributes
    ----------
    kind, rule
        Which of the recipe's components, and its name.
    before
        Rows before it.
    asked
        What it was asked for; None where the component has no target.
    after
        Rows after it.
    notes
        Why a class is not what was asked, in a sentence a class.
    """

    kind: str
    rule: str
    before: dict[str, int]
    asked: dict[str, int] | None
    after: dict[str, int]
    notes: list[str]

    @classmethod
    def of(
        cls,
        kind: str,
        component: Component,
        before: dict[str, int],
        asked: dict[str, int] | None,
        after: dict[str, int],
    ) -> Self:
        """The account of a component, with the reasons."""
        rule = component.name
        notes = [
            f"{name}: {asked[name]:,} asked, {after[name]:,} reached; "
            + _why(kind, rule, before[name], asked[name], after[name])
            for name in before
            if asked and asked[name] != after[name]
        ]
        return cls(kind, rule, before, asked, after, notes)

    def with_note(self, note: str) -> Self:
        """The account with something more to say."""
        return replace(self, notes=[*self.notes, note])

    def as_json(self) -> dict[str, Any]:
        """The account as JSON can hold it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The account in a few lines for the terminal."""
        changes = [f"{name} {self.before[name]:,} -> {self.after[name]:,}" for name in self.before]
        return [f"{self.kind} ({self.rule}): {', '.join(changes)}", *(f"  {note}" for note in self.notes)]


def _why(kind: str, rule: str, before: int, asked: int, after: int) -> str:
    """Why a class has `after` rows instead of those asked."""
    if after != before:
        return f"{rule} shares out what is lacking by a rule of its own"
    if asked < before:
        return f"{rule} takes none away; undersample first"
    return f"{rule} adds none; let another component" if kind == "resample" else f"{rule} has no images to make them of"
