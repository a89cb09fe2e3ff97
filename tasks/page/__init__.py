"""The look that all reports share: one HTML file that needs no network, everything from data escaped.

A stage's template stands beside its code and extends ``base.html``; plots come in as SVG made by matplotlib.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tasks.lettering import LONGEST, stand_ins

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

INK = "#1f2933"
ACCENT = "#2563a8"
GOOD = "#1b7f4d"
BAD = "#b3352c"
NEUTRAL = "#7b8794"
_RIGHT = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
RIGHT_TO_LEFT = re.compile(rf"[{_RIGHT}](?:[{_RIGHT}\W_]*[{_RIGHT}])?")
PALETTE = ("#2563a8", "#d97706", "#1b7f4d", "#8e44ad", "#b3352c", "#0e7c86", "#6b4f2a", "#c2388f", "#5b6770", "#a3a300")


def render(template: Path, **context: Any) -> str:
    """Render `template`, which may extend ``base.html``; every value is escaped unless it is `Markup`."""
    loader = ChoiceLoader([FileSystemLoader(template.parent), FileSystemLoader(Path(__file__).parent)])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=isolated,
    )
    environment.filters["percent"] = lambda value: f"{value:.1%}"
    environment.filters["decimal"] = lambda value: f"{value:.3f}"
    environment.filters["number"] = lambda value: f"{value:,}"
    return environment.get_template(template.name).render(**context)


def isolated(value: Any) -> Any:
    """A value for a page; words from right to left in it don't turn round the numbers and brackets beside them.

    They are put between the signs that Unicode has for this (U+2068 and U+2069), which also hold in attributes.
    """
    if isinstance(value, str) and not isinstance(value, Markup):
        return RIGHT_TO_LEFT.sub("\u2068\\g<0>\u2069", value)
    return value


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` by `height` inches in the reports' style; works without a display."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(
        {
            "font.family": "DejaVu Sans",
            "font.size": 9,
            "axes.edgecolor": "#9aa5b1",
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "svg.hashsalt": "equipoise",
            "svg.fonttype": "path",
        }
    )
    return Figure(figsize=(width, height), layout="constrained")


def svg(figure: Figure, description: str, names: Iterable[str] = (), longest: int = LONGEST) -> Markup:
    """A figure as inline SVG, the same bytes for the same data.

    Parameters
    ----------
    figure
        The drawing.
    description
        What a screen reader says.
    names
        The names from the data in it, each written by `tasks.lettering.in_chart`. Those that it can't show whole are
        told below it, where the browser has letters for them.
    longest
        Signs of a name in it.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    drawing = Markup(text[text.index("<svg") :])  # noqa: S704 (matplotlib escapes what it draws)
    plot = Markup('<div class="plot" role="img" aria-label="{}">{}</div>').format(description, drawing)
    told = [Markup("<strong>{}</strong> is <bdi>{}</bdi>").format(*one) for one in stand_ins(names, longest)]
    key = Markup('<p class="soft">In the drawing, {}.</p>').format(Markup("; ").join(told))
    return plot + key if told else plot


def save_png(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a figure as PNG without a time stamp, the same bytes for the same data."""
    # Hard compression takes longer than drawing, for a tenth of the size.
    figure.savefig(path, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"compress_level": 1})


def thumbnail(image: Image, size: int = 96) -> str:
    """A JPEG data URI of `image`, at most `size` pixels a side."""
    small = image.convert("RGB")
    small.thumbnail((size, size))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
