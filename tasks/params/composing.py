"""Sections that choose parts by name, and the means to tell all mistakes of a section at once.

Pydantic stops at the fields: what a model says of itself as a whole is checked only when each field is right. Here both
are told together, since people mend a file once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import no_info_after_validator_function

from tasks.registry import parts

Made = TypeVar("Made", bound=BaseModel)


@dataclass(frozen=True)
class NameOf:
    """Says of a text that it names a part: checks it, and gives editors the names.

    Attributes
    ----------
    package
        The parts' package, for instance ``tasks.train.losses``.
    """

    package: str

    def check(self, value: str) -> str:
        """Return `value` if there is such a part."""
        if self.package.startswith("tasks.balance.") and value not in parts(self.package):
            refuse_feature_space(value)
        refer(value, list(parts(self.package)))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(parts(self.package))}


def refer(value: str, names: list[str]) -> None:
    """Refuse a value that is none of `names` with a mistake that lists them."""
    if value not in names:
        raise PydanticCustomError("unknown_name", "{value} is none of {names}", {"value": value, "names": names})


def combination(why: str) -> PydanticCustomError:
    """The kind of a mistake that lies in choices that can't work together: `why`, and what to use instead."""
    return PydanticCustomError("combination", "{why}", {"why": why})


def refuse_feature_space(value: str) -> None:
    """Refuse in a recipe, which makes images, what makes rows between feature vectors, and say where to ask for it."""
    sampler: Any = parts("tasks.train.samplers").get(value)
    if sampler and sampler.inputs == "features":
        why = (
            f"{value!r} makes rows between neighbouring feature vectors, and a recipe makes images: between the pixels "
            "of two pictures lies a blend that is neither, and neighbours mean little beyond some hundred values. "
            f"Write sampler: {value} in a strategy on features (family: head) instead"
        )
        raise combination(why)


class Composed(BaseModel):
    """Parts chosen by name, with the parts' parameters beside the names.

    `gamma` of ``loss: focal`` stands next to `loss`, so that ``strategies.focal.gamma`` names it.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    def check_choice(self) -> dict[str, str]:
        """Say of every key whose choice can't work with the others why, and what to use instead."""
        return {}

    @classmethod
    def packages(cls) -> dict[str, str]:
        """The package of the parts that each key chooses from."""
        return {
            key: meta.package
            for key, field in cls.model_fields.items()
            for meta in field.metadata
            if isinstance(meta, NameOf)
        }

    def part(self, key: str) -> Any:
        """The part chosen by `key`, made with its parameters."""
        chosen = parts(self.packages()[key])[getattr(self, key)]
        given = self.model_extra or {}
        return chosen(**{name: value for name, value in given.items() if name in chosen.model_fields})

    @model_validator(mode="wrap")
    @classmethod
    def _check_parameters(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Check the parts' parameters, even if other keys are wrong; a key that no part takes is a mistake."""
        made, mistakes = attempt(data, handler)
        raw = data if isinstance(data, dict) else {}
        packages = cls.packages()
        chosen = [parts(package)[raw[key]] for key, package in packages.items() if raw.get(key) in [*parts(package)]]
        given = {key: value for key, value in raw.items() if key not in cls.model_fields}
        for part in chosen:
            try:
                part.model_validate({key: given[key] for key in given if key in part.model_fields}, strict=True)
            except ValidationError as error:
                mistakes += [retold(item, part.model_fields) for item in error.errors()]
        if len(chosen) == len(packages):  # else a key may well belong to the part whose name is wrong
            known = [*cls.model_fields, *(key for part in chosen for key in part.model_fields)]
            kind = PydanticCustomError("unknown_key", "unknown key", {"names": list(dict.fromkeys(known))})
            mistakes += [mistake(kind, (key,), given[key]) for key in given if key not in known]
        for key, why in (made.check_choice() if made else {}).items():
            mistakes.append(mistake(combination(why), (key,), raw[key]))
        return finish(made, mistakes)


def attempt(data: Any, handler: ModelWrapValidatorHandler[Made]) -> tuple[Made | None, list[InitErrorDetails]]:
    """What the check of the fields makes of `data`, or their mistakes, so that others can be told with them."""
    try:
        return handler(data), []
    except ValidationError as error:
        return None, [retold(item, {}) for item in error.errors()]


def finish(made: Made | None, mistakes: list[InitErrorDetails]) -> Made:
    """Return what was made, or raise all mistakes."""
    if made is None or mistakes:
        raise ValidationError.from_exception_data("params.yaml", mistakes)
    return made


def mistake(kind: PydanticCustomError, loc: tuple[int | str, ...], value: Any) -> InitErrorDetails:
    """A mistake at `loc`, where `value` stands."""
    return InitErrorDetails(type=kind, loc=loc, input=value)


def retold(item: ErrorDetails, fields: Mapping[str, FieldInfo], within: tuple[str, ...] = ()) -> InitErrorDetails:
    """A mistake to be told again with others.

    Parameters
    ----------
    item
        The mistake.
    fields
        Those of the part whose parameter is wrong, which know the bounds and the valid names; none where the model that
        is checked is itself part of the parameters.
    within
        Keys that lead to the part.
    """
    context = {**item.get("ctx", {}), "message": item["msg"]}
    if field := fields.get(".".join(map(str, item["loc"]))):
        context["field"] = field
    if fields and item["type"] == "extra_forbidden" and "names" not in context:
        context["names"] = list(fields)
    loc = (*within, *item["loc"])
    return mistake(PydanticCustomError(item["type"], "{message}", context), loc, item["input"])
