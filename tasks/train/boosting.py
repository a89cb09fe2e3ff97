"""What classifiers of the extra ``boosting`` share."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError


def module_of(name: str) -> Any:
    """The module of a library.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"the classifier {name} needs the extra `boosting` ({error}): pip install 'equipoise[boosting]', or choose "
            "another one, such as {name: random_forest}"
        ) from error


def of_each_class(shares: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities of every class, shape (n, K), of what a booster says: those, or with two classes the second's."""
    shares = np.asarray(shares, dtype=np.float64)
    return np.column_stack([1 - shares, shares]) if shares.ndim == 1 else shares
