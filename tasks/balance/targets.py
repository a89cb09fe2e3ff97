"""Targets: how many rows each class shall have, in the words of `params.yaml`.

A target is a rule that turns the present class counts into wanted ones. A component that adds rows measures from the
largest class, which stays as it is; one that takes rows away measures from the smallest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from tasks.balance.spread import share
from tasks.errors import InputError

Counts = Mapping[str, int]  # rows a class

WORDS = ("equal", "square_root")
SHARES = ("largest", "smallest", "factor", "more")
RESAMPLE_TO = "Rows a class after resampling."
AUGMENT_TO = "Rows a class after augmenting."
MIX_TO = "Rows a class with the mixed images."
FORMS = (
    "equal, square_root, {largest: 0.5}, {smallest: 4}, {factor: 3}, {more: 200}, {effective_number: 0.999}, "
    "{counts: {name: 90}}"
)


class Target(BaseModel):
    """Wanted class counts as a rule.

    ``equal`` (as the largest class, or the smallest where rows are taken away), ``square_root`` (shares that grow with
    the square root of the counts: Mahajan et al., ECCV 2018), ``{largest: x}`` and ``{smallest: x}`` (x times that
    class), ``{factor: x}`` (x times the class itself), ``{more: x}`` (x rows more, but not above the largest class),
    ``{effective_number: beta}`` (shares that grow with ``n (1 - beta) / (1 - beta^n)``: Cui et al., CVPR 2019), or
    ``{counts: {name: n}}``; classes that it doesn't name stay as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    rule: str
    value: float = 1.0
    named: dict[str, int] = {}

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        """A word, or a mapping with one key, as the fields."""
        if isinstance(data, str) and data in WORDS:
            return {"rule": data}
        if isinstance(data, dict) and data.keys() & {"rule"}:
            return data
        if not isinstance(data, dict) or len(data) != 1:
            raise PydanticCustomError("no_target", "{data} is no target; write one of {forms}", _told(data))
        ((rule, value),) = data.items()
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if rule in SHARES and number and 0 < value <= 1_000_000:
            return {"rule": rule, "value": float(value)}
        if rule == "effective_number" and number and 0 < value < 1:
            return {"rule": rule, "value": float(value)}
        if rule == "counts" and isinstance(value, dict) and value and all(map(_is_count, value.values())):
            return {"rule": rule, "named": value}
        raise PydanticCustomError("no_target", "{data} is no target; write one of {forms}", _told(data))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        number = {"type": "number", "exclusiveMinimum": 0}
        keys: dict[str, Any] = dict.fromkeys((*SHARES, "effective_number"), number)
        keys["counts"] = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
        one = {"type": "object", "properties": keys, "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"enum": list(WORDS)}, one | {"additionalProperties": False}]}

    @classmethod
    def of(cls, data: Any) -> Self:
        """The target that `data` writes as `params.yaml` would, for instance ``{"largest": 0.5}``."""
        return cls.model_validate(data)

    def __str__(self) -> str:
        if self.rule in WORDS:
            return self.rule.replace("_", " ")
        return f"{self.rule.replace('_', ' ')} {self.value:g}" if not self.named else "the counts given"

    def above(self, counts: Counts) -> dict[str, int]:
        """Rows a class where rows are added: measured from the largest class, and nowhere below `counts`.

        Only a target that names its counts may ask for fewer than are there.
        """
        asked = self._asked(counts, max(counts.values()))
        return asked if self.named else {name: max(asked[name], count) for name, count in counts.items()}

    def below(self, counts: Counts) -> dict[str, int]:
        """Rows a class where rows are taken away: measured from the smallest class, and nowhere above `counts`.

        Only a target that names its counts may ask for more than are there.
        """
        asked = self._asked(counts, min(counts.values()))
        return asked if self.named else {name: min(asked[name], count) for name, count in counts.items()}

    def around(self, counts: Counts) -> dict[str, int]:
        """Rows a class that the rule asks for where rows are added and taken away: measured from the mean class."""
        return self._asked(counts, share(sum(counts.values()), 1 / len(counts)))

    def _asked(self, counts: Counts, anchor: int) -> dict[str, int]:
        """What the rule says, under which a class of `anchor` rows keeps them; at least 1 each."""
        if self.rule == "counts":
            strange = sorted(set(self.named) - set(counts))
            if strange:
                raise InputError(
                    f"params.yaml: a target names {strange[0]!r}, which is no class of the training set; there are "
                    + ", ".join(counts)
                )
            return {name: self.named.get(name, count) for name, count in counts.items()}
        sizes: dict[str, Callable[[int], float]] = {
            "equal": lambda _: anchor,
            "square_root": lambda n: math.sqrt(n * anchor),
            "largest": lambda _: self.value * max(counts.values()),
            "smallest": lambda _: self.value * min(counts.values()),
            "factor": lambda n: self.value * n,
            "more": lambda n: min(n + self.value, max(counts.values())),
            "effective_number": lambda n: anchor * self._effective(n) / self._effective(anchor),
        }
        return {name: share(1, sizes[self.rule](count)) for name, count in counts.items()}

    def _effective(self, count: int) -> float:
        """What a class of `count` rows weighs in all under effective-number weights, up to a factor."""
        return count * (1 - self.value) / -math.expm1(count * math.log(self.value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _told(data: Any) -> dict[str, str]:
    return {"data": repr(data), "forms": FORMS}
