"""Settings that may be chosen inside the folds: how a strategy says so, and what there is to choose from."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, Self

from pydantic import BaseModel, Field, model_validator

from tasks.scores import Kind, has_probabilities

Setting = bool | int | float | str | None
MOST_CANDIDATES = 64


class Tunable(BaseModel):
    """A part of a component whose settings `tasks.train.tuning` may choose.

    Attributes
    ----------
    name
        The component's.
    score
        The kind of scores of what is fitted with it.
    """

    score: ClassVar[Kind]
    name: str

    tune: dict[str, list[Setting]] = Field(
        default_factory=dict,
        description="Settings that are chosen inside the folds, each with the values to choose from; {}: none.",
    )

    @model_validator(mode="after")
    def _can_be_tuned(self) -> Self:
        if self.tune and not has_probabilities(self.score):
            raise ValueError(
                f"tune: scores of {self.name!r} are no probabilities, by whose loss settings are chosen; leave it out"
            )
        if len(self.choices) > MOST_CANDIDATES:
            raise ValueError(f"tune: {len(self.choices)} candidates; choose from {MOST_CANDIDATES} at most")
        for key, values in self.tune.items():
            if len(values) < 2 or any(values.count(value) > 1 for value in values):
                raise ValueError(f"tune: {key}: {values} leaves nothing to choose; write two values or more, each once")
        _ = self.candidates  # each of them is checked
        return self

    @property
    def choices(self) -> list[tuple[Setting, ...]]:
        """The values of the settings of `tune`, in their order, of every candidate."""
        return list(itertools.product(*self.tune.values()))

    @property
    def candidates(self) -> list[Self]:
        """The families that `tune` leaves to choose from; itself where that is empty.

        Raises
        ------
        ValueError
            A key is no setting, or a value is none that it takes.
        """
        if not self.tune:
            return [self]
        each = [self._with(dict(zip(self.tune, one, strict=True))) for one in self.choices]
        return [type(self).model_validate({**one, "tune": {}}) for one in each]

    @property
    def untuned(self) -> Self:
        """The same, with its settings as they stand."""
        return self.model_copy(update={"tune": {}})

    def _with(self, values: dict[str, Setting]) -> dict[str, Any]:
        """All settings as plain data, those of `values` changed; a dot leads into a component's own."""
        plain = self.model_dump(serialize_as_any=True, exclude={"tune"})
        for key, value in values.items():
            *above, last = key.split(".")
            place: Any = plain
            for name in above:
                place = place.get(name) if isinstance(place, dict) else None
            if not isinstance(place, dict) or last not in place or last in ("name", "backbone"):
                raise ValueError(f"tune: {key!r} is no setting of {self.name!r} that can be tuned")
            place[last] = value
        return plain
