"""The pipeline: a specification of transforms (`tasks.balance.presets.Preset.specification`) applied to pixels.

The steps are albumentations' own, or one of `tasks.balance.own_steps`, and draw from one stream, one after the other. A
pipeline never changes what an image is: its size, its type and its number of channels come out as they went in.
"""

from __future__ import annotations

import json
import os
import random
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.balance.own_steps import OWN, OwnStep
from tasks.balance.steps import Needs
from tasks.errors import InputError, did_you_mean


class Changed(NamedTuple):
    """What a pipeline made of an image.

    Attributes
    ----------
    colours, alpha
        As they were given: shape (h, w, 1 or 3), uint8 or float32; and (h, w), uint8, or none.
    applied
        Names of the steps that happened to happen.
    """

    colours: NDArray[Any]
    alpha: NDArray[np.uint8] | None
    applied: tuple[str, ...]


@dataclass(frozen=True)
class _Built:
    """A step that can be called, what an image must be for it, and how messages name it."""

    name: str
    needs: Needs
    transform: Any
    where: str


def change(
    specification: str, colours: NDArray[Any], alpha: NDArray[np.uint8] | None, stream: int, name: str
) -> Changed:
    """Apply a specification to an image (`tasks.balance.pixels.to_arrays`).

    The result is that of albumentations' `Compose` with the same steps and generators, but for steps whose needs the
    image does not meet: these are left out. A result of another size is scaled back.

    Parameters
    ----------
    specification
        The steps.
    colours, alpha
        Shape (h, w, 1 or 3), uint8 or float32 in 0..1; and (h, w), uint8, or none. They are not changed.
    stream
        Seed of all that is random.
    name
        What messages call the image.

    Raises
    ------
    InputError
        A step is unknown, has wrong parameters, fails on this image or makes something else of it than an image.
    """
    numbers, chance = np.random.default_rng(stream), random.Random(stream)  # noqa: S311
    chance.random()  # what `Compose` draws for its own probability
    data: dict[str, Any] = {"image": colours, "applied_transforms": []}
    if alpha is not None:
        data["mask"] = alpha
    changes_kind = ""
    for step in _built(specification):
        if not step.needs.met_by(colours):
            continue
        # One stream for all steps: a seed a step would be the same for each, so that flips would come in pairs.
        step.transform.set_random_state(numbers, chance)
        before = _kind(data["image"])
        try:
            data = step.transform(**data)
        except Exception as error:  # a pipeline of the user's own can fail in any way
            size = f"{colours.shape[1]} x {colours.shape[0]} pixels"
            raise InputError(f"{step.where}: fails on {name} ({size}): {_line(error)}; change or remove it") from error
        if getattr(step.transform, "params", None):
            data["applied_transforms"].append((step.name, step.transform.params))
        if _kind(data["image"]) != before:
            changes_kind = step.where
    if _kind(data["image"]) != _kind(colours):
        kinds = f"{_kind(data['image'])} of an image of {_kind(colours)}"
        raise InputError(f"{changes_kind}: makes {kinds}; leave it out: what a network sees is the model's own affair")
    return Changed(
        _of_size(data["image"], colours, cv2.INTER_LINEAR),
        None if alpha is None else _of_size(data["mask"], alpha, cv2.INTER_NEAREST),
        tuple(name for name, _ in data["applied_transforms"]),
    )


def _kind(image: NDArray[Any]) -> str:
    return f"{image.dtype} with {image.shape[2] if image.ndim == 3 else 1} channels"


def _of_size(changed: NDArray[Any], like: NDArray[Any], interpolation: int) -> NDArray[Any]:
    """The array scaled to the height and width of `like`."""
    if changed.shape[:2] != like.shape[:2]:
        smaller = changed.shape[0] * changed.shape[1] > like.shape[0] * like.shape[1]
        if smaller and interpolation == cv2.INTER_LINEAR:
            interpolation = cv2.INTER_AREA
        changed = cv2.resize(changed, like.shape[1::-1], interpolation=interpolation)
    return changed.reshape(like.shape)


@cache
def _built(specification: str) -> tuple[_Built, ...]:
    """The steps of a specification, made once a process, in which OpenCV then has one thread."""
    cv2.setNumThreads(0)
    built = []
    for number, (name, parameters, *needs) in enumerate(json.loads(specification), start=1):
        where = f"step {number} of the transforms, {name}"
        built.append(_Built(name, Needs(**needs[0]) if needs else Needs(), _transform(name, parameters, where), where))
    return tuple(built)


def _transform(name: str, parameters: dict[str, Any], where: str) -> Any:
    """A step from its name and parameters; `transforms` among these are steps again.

    Only classes of albumentations that describe themselves by plain data are made, so that nothing is ever executed
    from a description.
    """
    if name in OWN:
        return OwnStep(OWN[name], **parameters)
    albumentations = _albumentations()
    registry = albumentations.core.serialization.SERIALIZABLE_REGISTRY
    known = [other for other in registry if hasattr(albumentations, other)]
    if name not in known:
        version, hint = albumentations.__version__, did_you_mean(name, known)
        raise InputError(f"{where}: albumentations {version} has no such transform{hint}; name one that it has")
    kind = getattr(albumentations, name)
    makers = [base for base in kind.__mro__ if "__init__" in vars(base)]
    taken, *inherited = (set(signature(maker.__init__).parameters) for maker in makers)
    # A saved file also holds arguments of base classes, which the class itself may not take.
    foreign = set().union(*inherited) - taken
    given = {key: _tuples(value) for key, value in parameters.items() if key not in foreign}
    if "transforms" in given:
        given["transforms"] = [
            _transform(child, own, f"{where}, in it {child}") for child, own in parameters["transforms"]
        ]
    if "InitSchema" in vars(makers[0]):
        given["strict"] = True  # else such a class goes on with its defaults where its arguments are wrong
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(**given)
    except Exception as error:
        raise InputError(f"{where}: {_line(error)}; give it what it takes, or remove it") from error


@cache
def _albumentations() -> Any:
    """The library without two optional ones, which it would load for a hub and for tensors: half of its start."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for its newest version
    hidden = [name for name in ("torch", "huggingface_hub") if name not in sys.modules]
    absent: dict[str, Any] = dict.fromkeys(hidden)  # None among the modules: "there is no such one"
    sys.modules.update(absent)
    try:
        import albumentations
    finally:
        for name in hidden:
            del sys.modules[name]
    return albumentations


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that albumentations wants."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _line(error: Exception) -> str:
    """What an error says, on one line and not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."
