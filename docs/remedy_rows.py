"""Write what each strategy of the catalogue came to into its sections of `docs/strategies.md`.

    python docs/remedy_rows.py

The figures are those of the tables in `docs/remedies.md`, which `benchmarks/remedies.py` prints. A strategy stands in
the section of each of its components that isn't the one that does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.params.presets import catalogue

DOCS = Path(__file__).parent
SETS = {  # columns, and the headings of docs/remedies.md whose tables fill them, the first that knows a strategy
    "solar cells": ("Solar cells", "All that have a name, on the solar cells"),
    "clothes": ("Clothes",),
    "few clothes": ("All that have a name, on a small set of clothes",),
    "textures": ("Textures",),
}
HEAD = f"| over `plain` on | {' | '.join(SETS)} | seconds |"
KINDS = {
    "Losses": "loss",
    "Samplers": "sampler",
    "Mixing": "mixing",
    "Schedules": "schedule",
    "Post-hoc rules": "posthoc",
    "Families": "family",
    "Second stages": "second_stage",
}
IDLE = {"cross_entropy", "natural", "none", "constant", "head"}
HAND_MADE = {"hog", "sift_moments", "colour_texture"}


def results(text: str) -> dict[str, dict[str, tuple[str, str, str]]]:
    """Difference, verdict and seconds of each strategy of each set."""
    found: dict[str, dict[str, tuple[str, str, str]]] = {}
    for part in re.split(r"(?m)^## ", text)[1:]:
        heading, _, rest = part.partition("\n")
        if any(heading in headings for headings in SETS.values()):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"(?m)^\|.+\|$", rest)]
            found[heading] = {row[0]: (row[2], row[3], row[4]) for row in rows[2:]}
    return found


def row(name: str, known: Mapping[str, Mapping[str, tuple[str, str, str]]]) -> str:
    """What a strategy came to on all sets, as a row of Markdown."""
    cells, seconds = [], ""
    for headings in SETS.values():
        tables = [known[heading] for heading in headings if name in known.get(heading, {})]
        difference, verdict, took = tables[0][name] if tables else ("", "", "")
        cells.append(f"{difference} {verdict}".strip() if verdict in ("helps", "hurts", "held back") else difference)
        seconds = seconds or took
    return f"| `{name}` | {' | '.join(cells)} | {seconds} |"


def names_in(strategy: Mapping[str, Any], kind: str, depth: int) -> set[str]:
    """The components of a strategy in whose sections it stands, in a chapter, under headings of a depth."""
    family = strategy["family"]
    if kind == "second_stage":
        return {"Second stages"} if family.get("second_stage", {}).get("name", "none") != "none" else set()
    if kind != "family":
        return {strategy[kind]["name"]} - IDLE
    if depth == 4:
        held = (family.get(key) for key in ("classifier", "detector"))
        inner = {one["name"] for one in held if isinstance(one, dict)}
        return inner | ({"On hand-made features"} if family.get("backbone") in HAND_MADE else set())
    is_usual = family["name"] == "head" and not family.keys() & {"classifier", "hidden"}
    return set() if is_usual else {family["name"]}


def filled(text: str, known: Mapping[str, Mapping[str, tuple[str, str, str]]]) -> str:
    """The catalogue with a table at the end of each section that has a strategy."""
    text = re.sub(rf"{re.escape(HEAD)}\n(\|.*\n)+\n?", "", text)
    return "".join(_parts(text, known))


def _parts(text: str, known: Mapping[str, Mapping[str, tuple[str, str, str]]]) -> Iterator[str]:
    strategies = catalogue("strategies").values
    chapter = ""
    for part in re.split(r"(?m)^(?=#{2,4} )", text):
        marks, _, heading = part.partition("\n")[0].partition(" ")
        if marks == "##":
            chapter = heading
        kind = KINDS.get(chapter)
        names = [one.strip() for one in heading.split(",")]
        rows = [
            row(name, known)
            for name, strategy in strategies.items()
            if kind and names_in(strategy, kind, len(marks)) & set(names)
        ]
        if not rows:
            yield part
            continue
        head = f"{HEAD}\n|---|{'---|' * len(SETS)}---|\n"
        yield part.rstrip("\n") + "\n\n" + head + "\n".join(rows) + "\n\n"


def main() -> None:
    """Write the tables anew."""
    file = DOCS / "strategies.md"
    known = results((DOCS / "remedies.md").read_text(encoding="utf-8"))
    file.write_text(filled(file.read_text(encoding="utf-8"), known).rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
