"""Adding a class that a model was never trained on, from a few images: what it learnt of the others tells them apart.

Nothing is fitted: the new class is known by the directions of its images, as the others are by those of theirs (as
prototypes are: Snell, Swersky and Zemel, Prototypical networks for few-shot learning, NeurIPS 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tasks.errors import InputError
from tasks.train.models import Model


def enrolled(model: Model, name: str, images: Sequence[Path | bytes], workers: int = 1) -> Model:
    """The model with one class more, the last; the scores of the others stay.

    Parameters
    ----------
    model
        Of a family whose models take a class without training (`Fitted.with_class`).
    name
        The new class.
    images
        At least one of it.
    workers
        Number of processes; changes time only.

    Raises
    ------
    InputError
        The family can't, the model knows the class, its post-hoc rule favours classes, an image can't be read.
    """
    if not name.strip():
        raise InputError("the new class has no name")
    if name in model.classes:
        raise InputError(
            f"the model knows the class {name!r} already; the classes are {', '.join(model.classes)}. To learn more of "
            "one, add the images to the dataset, and `equipoise run`"
        )
    inputs = model.inputs(images, workers)
    fits = [more for fitted in model.fits if (more := fitted.with_class(inputs)) is not None]
    if not fits:
        raise InputError(
            f"a class can't be added to this model of the family {model.family.name!r}, which would have to be trained "
            "anew; name a strategy of the family 'nearest_class_mean', or 'similarity' with decide: class_means"
        )
    shift = model.posthoc.shift(model.fits[0].prior)
    if shift is None or np.ptp(shift) > 0:
        raise InputError(
            f"the post-hoc rule {model.posthoc.name!r} moves the scores of the classes that were trained on, and knows "
            "nothing of a new one; name a strategy with posthoc: {name: none}"
        )
    return replace(model, classes=[*model.classes, name], fits=tuple(fits))
