"""A map of the features: training images by class, and the new images of a recipe by what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from tasks.features import Features
from tasks.lettering import in_chart
from tasks.page import NEUTRAL, PALETTE, new_figure, svg
from tasks.statistics.principal_components import principal_axes
from tasks.statistics.scaling import Standardisation, unit_vectors

POINTS = 600  # originals; more would hide each other
NEW = 300  # new images
COLOURED = 6  # classes, the rarest; the others are grey
ORIGIN_COLOURS = {"augmented": "#d97706", "mixed": "#8e44ad", "synthetic": "#0e7c86"}  # as the report's bars have them


@dataclass(frozen=True)
class FeatureMap:
    """The drawing and what stands beside it.

    Attributes
    ----------
    drawing
        The panels.
    share
        Of the variance of the originals' features that the two axes hold.
    images
        How many originals are drawn.
    recipe
        Whose new images are drawn; empty where no recipe makes any.
    new
        How many of them.
    """

    drawing: Markup
    share: float
    images: int
    recipe: str
    new: int


def feature_map(
    training: pd.DataFrame, rarest_first: Sequence[str], features: Path, recipe: str, balanced: pd.DataFrame, new: Path
) -> FeatureMap:
    """Draw the map: the two directions in which some originals, about as many of each class, differ most.

    Parameters
    ----------
    training
        Training rows of the table `SPLITS`, first repeat.
    rarest_first
        The classes.
    features
        The folder of the backbone's features.
    recipe, balanced
        A recipe and its table `BALANCED`; a recipe of no new images has no second panel.
    new
        The folder of the features of its new images.
    """
    # Ids are hashes of the content, so the first of them are a fair draw.
    each = max(2, POINTS // len(rarest_first))
    drawn = training.sort_values("image_id").groupby("label").head(each).head(POINTS)
    values = Features.load(features).take(list(drawn["image_id"]))
    standard = Standardisation.of(values)
    directions = _directions(standard, values)
    middle = directions.mean(axis=0)
    centred = directions - middle
    axes = principal_axes(centred, min(2, *centred.shape), "svd" if len(centred) < centred.shape[1] else "covariance")
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]  # signs are arbitrary
    made = balanced[balanced["file"].notna()].sort_values("row_id").head(NEW)
    of_new = Features.load(new).take(list(made["row_id"])) if len(made) else values[:0]
    at, new_at = _placed(centred, axes), _placed(_directions(standard, of_new) - middle, axes)
    total = float(np.square(centred).sum())
    share = float(np.square(centred @ axes.T).sum()) / total if total else 0.0
    drawing = _draw(at, drawn["label"].to_numpy(), list(rarest_first), new_at, made["origin"].to_numpy(), recipe)
    return FeatureMap(drawing, share, len(drawn), recipe if len(made) else "", len(made))


def _directions(standard: Standardisation, values: np.ndarray) -> np.ndarray:
    """Standardised features at length 1, so that a few extreme images don't make the map (Locantore et al. 1999)."""
    return unit_vectors(standard(values).astype(np.float64))


def _placed(rows: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Coordinates, shape (n, 2); as exact as a drawing needs, so that it is the same everywhere."""
    found = np.zeros((len(rows), 2))
    found[:, : len(axes)] = rows @ axes.T
    return found.round(3)


def _draw(
    at: np.ndarray, labels: np.ndarray, rarest_first: list[str], new_at: np.ndarray, origins: np.ndarray, recipe: str
) -> Markup:
    panels = 2 if len(new_at) else 1
    figure = new_figure(5.9 * panels, 4.6)
    every_axes = figure.subplots(1, panels, sharex=True, sharey=True, squeeze=False)[0]
    coloured = dict(zip(rarest_first, PALETTE[:COLOURED], strict=False))
    others = ~np.isin(labels, list(coloured))
    classes = every_axes[0]
    if others.any():
        classes.scatter(
            *at[others].T, s=9, color=NEUTRAL, alpha=0.35, lw=0, label=f"{len(rarest_first) - COLOURED} others"
        )
    for label in reversed(list(coloured)):  # the rarest on top
        own = labels == label
        classes.scatter(*at[own].T, s=14, color=coloured[label], alpha=0.75, lw=0, label=in_chart(label))
    classes.set_title("by class")
    if panels == 2:
        second = every_axes[1]
        second.scatter(*at.T, s=9, color=NEUTRAL, alpha=0.35, lw=0, label="original")
        for origin in dict.fromkeys(origins):
            own = origins == origin
            second.scatter(*new_at[own].T, s=12, color=ORIGIN_COLOURS[origin], alpha=0.7, lw=0, label=origin)
        second.set_title(f"by origin, of the recipe {in_chart(recipe)}")
    for axes in every_axes:
        axes.set(xticks=[], yticks=[], xlabel="first component")
        handles, names = axes.get_legend_handles_labels()
        axes.legend(
            handles[::-1],
            names[::-1],
            loc="upper center",
            bbox_to_anchor=(0.5, -0.07),
            ncols=3,
            frameon=False,
            fontsize=8,
        )
    every_axes[0].set_ylabel("second component")
    return svg(figure, "Training images by their features", rarest_first[:COLOURED])
