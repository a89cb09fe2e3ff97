"""How names from the data are written in pictures, whose one font doesn't have the letters of every script.

That font is DejaVu Sans, which comes with matplotlib: fonts of the machine would make pictures depend on it. It has
Latin, Greek, Cyrillic and other letters that stand one after the other. A name that it can't write (Chinese, most
emoji), or that asks for letters from right to left, joined or stacked (Arabic, Hebrew, Devanagari, Thai), is
represented by its slug, as in file names and MLflow's metrics; `stand_ins` says which name that is, for a text beside
the picture: a page, or a file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tasks.slugs import slug

REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
LONGEST = 28  # signs; a name of more is cut in its middle, for names often differ at one end only
RIGHT_TO_LEFT = ("R", "AL", "AN")  # bidirectional classes of Unicode


def in_picture(name: str, longest: int = LONGEST) -> str:
    """A name as a picture can hold it: in one line, of at most `longest` signs, all of which the font has.

    Examples
    --------
    >>> in_picture("Kratzer (groß)"), in_picture("🐛 bug")
    ('Kratzer (groß)', 'bug')
    """
    line = _line(name)
    text = line if _writable(line) else slug(name)
    if len(text) <= longest:
        return text
    end = (longest - 1) // 2
    return f"{text[: longest - 1 - end]}…{text[-end:]}"


def in_chart(name: str, longest: int = LONGEST) -> str:
    """The same as matplotlib must be given it to show just that: no mathematics, no entry hidden from a legend."""
    text = in_picture(name, longest).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def stand_ins(names: Iterable[str], longest: int = LONGEST) -> list[tuple[str, str]]:
    """What a picture shows in place of a name, and the name, for each that it doesn't show whole."""
    shown = [(in_picture(name, longest), name) for name in names]
    return [(text, name) for text, name in shown if text != _line(name)]


def font_file(name: str = REGULAR) -> Path:
    """Where a font of matplotlib's stands."""
    import matplotlib as mpl

    return Path(mpl.get_data_path(), "fonts", "ttf", name)


def _line(name: str) -> str:
    """A name in one line, each letter and its accents one sign where there is such a sign."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _writable(line: str) -> bool:
    """Whether each sign has a shape in the font and stands by itself, to the right of the one before."""
    return bool(line) and all(
        unicodedata.category(sign)[0] not in "MC"
        and unicodedata.bidirectional(sign) not in RIGHT_TO_LEFT
        and (sign.isascii() or ord(sign) in _signs())
        for sign in line
    )


@cache
def _signs() -> frozenset[int]:
    """The signs that the font has, upright and bold."""
    from matplotlib.ft2font import FT2Font

    regular, bold = (FT2Font(str(font_file(name))).get_charmap() for name in (REGULAR, BOLD))
    return frozenset(regular) & frozenset(bold)
