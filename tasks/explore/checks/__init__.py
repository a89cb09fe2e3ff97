"""The questions that `explore` asks of the data: one small file each, found by its file's name.

A check may measure pixels (`measure`), and tells what it found (`summarise`). Most checks that measure pixels are a
`tasks.explore.properties.Property` and only say what they measure.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from tasks.registry import Part

if TYPE_CHECKING:
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
    """

    headers: list[str]
    rows: list[list[str]]
    prose: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Block:
    """A piece of a check's section in the report: a heading, a sentence or two, a plot, a table; each may be empty."""

    heading: str = ""
    text: str = ""
    plot: Markup | None = None
    grid: Grid | None = None


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
    """

    numbers: dict[str, Any]
    blocks: list[Block]
    watch: list[str] = field(default_factory=list)


class Check(Part):
    """A question asked of the data."""

    kind = "check"
    title: ClassVar[str]
    question: ClassVar[str]
    order: ClassVar[int]  # place in the report, small ones first

    def measure(self, picture: Picture) -> dict[str, float]:
        """Measure one image: finite numbers by names that no other check uses."""
        return {}

    @abstractmethod
    def summarise(self, dataset: Dataset) -> Finding:
        """Tell what the tables and the measures of all images say."""
