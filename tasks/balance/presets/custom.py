"""Preset of the user's own: a pipeline as ``albumentations.save(..., data_format="yaml")`` writes it.

Reading it executes and unpickles nothing. Its form is checked with the other parameters; whether albumentations knows
the classes and takes their arguments, when the stage starts, since importing albumentations takes seconds.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from tasks.balance.presets import Preset
from tasks.balance.steps import Step

CLASS = "__class_fullname__"
WHOLE = ("Compose", "ReplayCompose")  # what holds a pipeline together; inside another one it is a sequence
FOREIGN = {"bbox_params": "boxes", "keypoint_params": "keypoints", "additional_targets": "further targets"}
OF_WHOLE = (*FOREIGN, "is_check_shapes", "save_applied_params", "seed", "strict")
NAME = re.compile(r"(?:albumentations\.(?:\w+\.)*)?([A-Za-z]\w*)")

Loc = tuple[int | str, ...]


class Custom(Preset):
    """The pipeline that `pipeline` holds."""

    name: Literal["custom"] = "custom"
    pipeline: dict[str, Any] = Field(
        default_factory=dict,
        description="What albumentations.save writes as YAML, with or without its outer key transform.",
    )

    @field_validator("pipeline")
    @classmethod
    def _check_pipeline(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The form of the pipeline, all mistakes at once."""
        mistakes = _mistakes(*_inner(given)) if given else []
        if mistakes:
            raise ValidationError.from_exception_data("pipeline", mistakes)
        return given

    @field_validator("strength")
    @classmethod
    def _check_strength(cls, given: float) -> float:
        if given != 1:
            raise ValueError("means nothing for preset: {name: custom}, which only you can make stronger; leave it out")
        return given

    def steps(self) -> tuple[Step, ...]:
        """The transforms of the pipeline, in their order."""
        if not self.pipeline:
            return ()
        name, parameters = _named(_inner(self.pipeline)[0])
        alone = name != "Sequential" or parameters.get("p") != 1
        pairs = [[name, parameters]] if alone else parameters["transforms"]
        return tuple(Step(name, parameters, "The user's own pipeline.") for name, parameters in pairs)


def _inner(pipeline: dict[str, Any]) -> tuple[Any, Loc]:
    """The transform itself, and where it stands."""
    return (pipeline["transform"], ("transform",)) if "transform" in pipeline else (pipeline, ())


def _named(node: dict[str, Any]) -> list[Any]:
    """A transform of the file as a name and its parameters, those below it too."""
    name = node[CLASS].rpartition(".")[2]
    parameters = {key: value for key, value in node.items() if key != CLASS}
    if name in WHOLE:
        name, parameters = "Sequential", {"p": 1} | {k: v for k, v in parameters.items() if k not in OF_WHOLE}
    if "transforms" in parameters:
        parameters["transforms"] = [_named(child) for child in parameters["transforms"]]
    return [name, parameters]


def _mistakes(node: Any, loc: Loc) -> list[InitErrorDetails]:
    """What is wrong with the form of a transform, and of those below it."""

    def wrong(why: str, *key: int | str) -> InitErrorDetails:
        kind = PydanticCustomError("pipeline", "{why}", {"why": why})
        return InitErrorDetails(type=kind, loc=(*loc, *key), input=node)

    if not isinstance(node, dict):
        return [wrong("should be a transform as albumentations.save writes it: a mapping")]
    if CLASS not in node:
        return [wrong(f"no transform as albumentations.save writes it: the key {CLASS} is missing")]
    match = NAME.fullmatch(str(node[CLASS]))
    if not match:
        return [wrong(f"{str(node[CLASS])!r} is no class of albumentations", CLASS)]
    if match[1] == "Lambda":
        return [wrong("Lambda calls a function that no file can hold; use transforms that can be saved", CLASS)]
    found = [
        wrong(f"images have a class here, no {what}; leave it out", key)
        for key, what in FOREIGN.items()
        if node.get(key)
    ]
    children = node.get("transforms", [])
    if match[1] in WHOLE and not children:
        found.append(wrong("holds no transforms"))
    if not isinstance(children, list):
        return [*found, wrong("should be a list of transforms", "transforms")]
    found += [wrong(f"{key} is no name of a parameter", str(key)) for key in node if not isinstance(key, str)]
    for key, value in node.items():
        if key != "transforms" and not _plain(value):
            found.append(wrong("should be a number, a text, true, false, null, or lists and mappings of such", key))
    for number, child in enumerate(children):
        found += _mistakes(child, (*loc, "transforms", number))
    return found


def _plain(value: Any) -> bool:
    """Whether JSON knows a value."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
