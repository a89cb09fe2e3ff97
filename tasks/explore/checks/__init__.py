"""The questions that `explore` asks of the data: one small file each, found by its file's name.

A check may measure pixels (`measure`) or take numbers from the catalog (`from_catalog`), and tells what it found
(`summarise`). Most checks that measure are a `tasks.explore.properties.Property` and only say what they measure.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from tasks.registry import Component

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from markupsafe import Markup

    from tasks.explore.dataset import Dataset
    from tasks.explore.picture import Picture


@dataclass(frozen=True)
class Grid:
    """A table of the report.

    Attributes
    ----------
    headers
        One a column.
    rows
        One text a cell; what isn't `Markup` is escaped.
    prose
        The columns (from 0) that hold text, which is set flush left and may wrap.
    folded
        What stands in place of the table until it is asked for; empty: the table stands open, unless it is long.
    """

    headers: list[str]
    rows: list[list[str]]
    prose: frozenset[int] = frozenset()
    folded: str = ""


@dataclass(frozen=True)
class Shown:
    """An image that the report shows small: where it lies below ``data/raw``, and what stands under it."""

    path: str
    caption: str = ""


@dataclass(frozen=True)
class Block:
    """A piece of a check's section in the report; each part may be empty.

    Attributes
    ----------
    heading, text
        A title, and a sentence or two.
    plot
        An inline SVG.
    grid
        A table.
    images
        Rows of thumbnails: images that belong together, such as two relatives, make a row.
    """

    heading: str = ""
    text: str = ""
    plot: Markup | None = None
    grid: Grid | None = None
    images: list[list[Shown]] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    numbers
        What stands in ``explore.json`` under the check's name.
    blocks
        What the report shows.
    watch
        Sentences on what to watch, derived from the numbers.
    flags
        What is wrong with single images: a flag's name (such as ``dark``), and the score of each flagged image by its
        `image_id`, larger for what is worse. They stand in ``flags.parquet``, and `equipoise check` counts them.
    rows
        What `dvc plots` draws, as ``<check>.csv``; empty for checks that it doesn't draw.
    """

    numbers: dict[str, Any]
    blocks: list[Block]
    watch: list[str] = field(default_factory=list)
    flags: dict[str, dict[str, float]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


class Check(Component):
    """A question asked of the data."""

    kind = "check"
    title: ClassVar[str]
    question: ClassVar[str]
    order: ClassVar[int]  # place in the report, small ones first
    number: ClassVar[int] = 0  # of the ten questions (docs/explore.md); 0: none of them

    def measure(self, picture: Picture) -> dict[str, float]:
        """Measure one image: finite numbers by names that no other check uses."""
        return {}

    def from_catalog(self, catalog: pd.DataFrame) -> dict[str, np.ndarray]:
        """Numbers of all images that need no decoding: finite, in the catalog's order, by names of their own."""
        return {}

    @abstractmethod
    def summarise(self, dataset: Dataset) -> Finding:
        """Tell what the tables and the measures of all images say."""
