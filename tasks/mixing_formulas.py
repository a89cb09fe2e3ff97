"""The mathematics of mixed images: who is mixed with whom, how much of each, and what the label says.

Shared by the mixers that store images (`balance`) and by those that mix while they train (`train`). Pure numbers: no
image is touched here.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom are the first pixels outside


def beta_share(alpha: float, rng: np.random.Generator) -> float:
    """Draw the share of the first image: ``lambda ~ Beta(alpha, alpha)``.

    Parameters
    ----------
    alpha
        Positive. 1 draws uniformly; near 0 one of the two images has nearly all; large values come near one half.
    rng
        Where chance comes from.

    Returns
    -------
    float
        0 to 1, one half on average.

    References
    ----------
    Zhang et al., *mixup: Beyond Empirical Risk Minimization*, ICLR 2018.
    """
    return float(rng.beta(alpha, alpha))


@overload
def remix_label_share(
    image_share: float, count_of_first: float, count_of_second: float, ratio: float = ..., threshold: float = ...
) -> float: ...
@overload
def remix_label_share(
    image_share: float | NDArray[np.float64],
    count_of_first: NDArray[np.float64],
    count_of_second: NDArray[np.float64],
    ratio: float = ...,
    threshold: float = ...,
) -> NDArray[np.float64]: ...
def remix_label_share(
    image_share: float | NDArray[np.float64],
    count_of_first: float | NDArray[np.float64],
    count_of_second: float | NDArray[np.float64],
    ratio: float = 3.0,
    threshold: float = 0.5,
) -> float | NDArray[np.float64]:
    """The share of the first label in a mix whose label leans to the rarer class.

    Where one class has at least `ratio` times the images of the other and the larger class has less than `threshold` of
    the image, the label is wholly that of the smaller class; otherwise it is shared as the image is.

    Parameters
    ----------
    image_share
        Share of the first image, lambda, 0 to 1.
    count_of_first, count_of_second
        Images of the two classes, positive; not necessarily whole numbers.
    ratio
        kappa, above 1.
    threshold
        tau, 0 (plain mixup) to 1.

    Returns
    -------
    float or ndarray
        0 to 1; a number for numbers, else of the shape to which the arguments broadcast.

    References
    ----------
    Chou et al., *Remix: Rebalanced Mixup*, ECCV workshops 2020.
    """
    share = np.asarray(image_share, dtype=np.float64)
    first, second = np.asarray(count_of_first, dtype=np.float64), np.asarray(count_of_second, dtype=np.float64)
    second_only = (first / second >= ratio) & (share < threshold)
    first_only = (second / first >= ratio) & (1 - share < threshold)
    label_share: NDArray[np.float64] = np.where(second_only, 0.0, np.where(first_only, 1.0, share))
    return label_share if label_share.ndim else label_share.item()


def cmo_class_probabilities(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of each class for the foreground that is pasted: proportional to ``1 / n_c``.

    Backgrounds are drawn as they come, so that rare objects stand in front of the many scenes of common classes.

    Parameters
    ----------
    counts
        Shape (K,), positive.

    Returns
    -------
    ndarray
        Shape (K,), sums to 1.

    References
    ----------
    Park et al., *The Majority Can Help the Minority: Context-rich Minority Oversampling for Long-tailed
    Classification*, CVPR 2022.
    """
    inverse = 1 / np.asarray(counts, dtype=np.float64)
    probabilities: NDArray[np.float64] = inverse / inverse.sum()
    return probabilities


def cut_box(width: int, height: int, cut_share: float, rng: np.random.Generator) -> Box:
    """The box that CutMix cuts: as wide and high as the picture times ``sqrt(cut_share)``, its centre anywhere in it.

    What hangs over the edge is clipped, and sides are rounded to whole pixels, so a small box may be empty and the box
    has `cut_share` of the area at most, but for rounding: a label's share is that of the box really cut.

    Parameters
    ----------
    width, height
        Pixels of the picture, at least 1.
    cut_share
        Share of the area, 0 to 1 (``1 - lambda``).
    rng
        Where chance comes from.

    Returns
    -------
    tuple of int
        Left, top, right, bottom in pixels; right and bottom are the first outside.

    References
    ----------
    Yun et al., *CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features*, ICCV 2019.
    """
    left, right = _cut_side(width, cut_share, rng)
    top, bottom = _cut_side(height, cut_share, rng)
    return left, top, right, bottom


def _cut_side(length: int, cut_share: float, rng: np.random.Generator) -> tuple[int, int]:
    cut = round(length * cut_share**0.5)
    start = int(rng.integers(length)) - cut // 2
    return max(start, 0), min(start + cut, length)


def box_share(box: Box, width: int, height: int) -> float:
    """The share of a picture of `width` times `height` pixels that lies in `box`, 0 to 1."""
    left, top, right, bottom = box
    return (right - left) * (bottom - top) / (width * height)
