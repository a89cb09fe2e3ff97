"""How many independent images stand behind a class: groups of relatives, counted by what they hold."""

from __future__ import annotations

import numpy as np

# Fewer say too little of what other groups would show. A bootstrap of m groups understates the variance of a class's
# recall by the share 1/m (Rao and Wu, JASA 83, 1988), and sees none at all where all or none of the class are found,
# which happens by luck where m is small. With ten groups the first is a tenth.
FEWEST_GROUPS = 10


def groups_by_class(labels: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """In how many groups each of the K classes occurs, shape (K,).

    Parameters
    ----------
    labels, groups
        Shape (n,), integers from 0: codes of the class, below `classes`, and of the group of each image.
    """
    return np.bincount(_pairs(labels, groups)[:, 0], minlength=classes)


def groups_of_the_rest(labels: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """How many groups hold an image of another class than each of the K, shape (K,); parameters as above."""
    pairs = _pairs(labels, groups)
    held = np.bincount(pairs[:, 1])
    alone = pairs[held[pairs[:, 1]] == 1, 0]
    rest: np.ndarray = (held > 0).sum() - np.bincount(alone, minlength=classes)
    return rest


def _pairs(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Class and group, each group once for each of its classes, shape (m, 2)."""
    return np.unique(np.column_stack([labels, groups]), axis=0)
