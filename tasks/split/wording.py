"""How classes are named in the messages of a split, and the remedies that several of them offer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Parts come from folders or from a table; what was added from folders has no table that its owner knows.
ADD_AGAIN = "in your folders or your table and bring it again with `equipoise add PATH --replace`"

EXCLUDE = "equipoise run --set split.relatives=exclude"


def named(classes: Sequence[str], chosen: np.ndarray) -> str:
    """The names of the chosen classes, in quotes."""
    return ", ".join(repr(name) for name, is_chosen in zip(classes, chosen, strict=True) if is_chosen)
