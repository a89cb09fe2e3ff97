"""Transforms of the user's own choice: techniques by name, with their parameters, in the order in which they stand."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from tasks.balance.transforms import Step, Transforms
from tasks.params.composing import mistake, retold
from tasks.registry import parts

PACKAGE = "tasks.balance.techniques"


def _describe(schema: dict[str, Any]) -> None:
    """Tell editors the techniques and their parameters."""
    techniques = {name: part.model_json_schema() for name, part in parts(PACKAGE).items()}
    schema |= {"properties": techniques, "additionalProperties": False}


class Listed(Transforms):
    """The techniques that `techniques` names, in their order."""

    techniques: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Technique: its parameters ({} for its defaults); applied from top to bottom.",
        json_schema_extra=_describe,
    )

    @field_validator("techniques")
    @classmethod
    def _check_techniques(cls, given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Every name must be a technique's, every parameter its own and within its bounds; all mistakes at once."""
        known = parts(PACKAGE)
        mistakes = []
        for name, parameters in given.items():
            if name not in known:
                kind = PydanticCustomError("unknown_key", "unknown technique", {"names": list(known)})
                mistakes.append(mistake(kind, (name,), parameters))
                continue
            fields = known[name].model_fields
            try:
                known[name].model_validate(parameters, strict=True)
            except ValidationError as error:
                mistakes += [retold(item, fields, (name,)) for item in error.errors()]
        if mistakes:
            raise ValidationError.from_exception_data("techniques", mistakes)
        return given

    def steps(self) -> tuple[Step, ...]:
        """The techniques' steps, in their order."""
        known: Any = parts(PACKAGE)
        why = "Chosen by the user for these images."
        return tuple(
            known[name].model_validate(parameters).step(self.strength, why)
            for name, parameters in self.techniques.items()
        )
