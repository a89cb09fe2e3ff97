"""What is wrong with the names of classes: several in one, one spelled twice, a measurement instead of names.

One place for `ingest` and for `equipoise add`, so that nothing is copied that the first stage would refuse.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tasks.connected import connected_components
from tasks.ingest.wording import first_few, quoted, set_names, yaml_text
from tasks.slugs import slug

MOST_NUMBERS = 50  # more different fractions than this are a measurement, not classes
SHOWN = 5  # labels named in a sentence
STRONG = r"\s*[|;,/\\+&]\s*"  # what people put between several labels, and seldom into the name of one
WEAK = r"\s+(?:and|or)\s+|[\W_]+"  # what stands inside names as well
NO_LABEL = {"nan", "nat", "null", "<na>", "n/a", "#n/a", "unlabelled", "unlabeled"}  # in small letters
LIST = re.compile(r"\s*(\[.*\]|\{.*\}|\(.*[,'\"].*\))\s*", re.DOTALL)


@dataclass(frozen=True)
class Mistake:
    """Labels that can't be taken as they are, and why, with what to do, as the end of a sentence."""

    labels: list[str]
    why: str


def mistakes(
    counts: Mapping[str, int], meant: Collection[str] = (), rename: Mapping[str, str] | None = None
) -> list[Mistake]:
    """What is wrong with the labels of a dataset.

    Parameters
    ----------
    counts
        Images a label.
    meant
        Labels of which the user said that they are the name of one class.
    rename
        Labels that the user renamed before, and their new names, which the offered line keeps.
    """
    found = []
    if several := {label: pieces for label, pieces in several_in_one(counts).items() if label not in set(meant)}:
        label, pieces = next(iter(several.items()))
        found.append(
            Mistake(
                list(several),
                f"several labels in one ({label!r} reads as {' and '.join(map(repr, pieces)) or 'a list'}); Equipoise "
                "is for one label an image, multi-label tables are refused: choose one class for each image, or, if "
                f"these are names of single classes, say so: {set_names('ingest.meant', [*meant, *several])}",
            )
        )
    nothing = [label for label in counts if label.casefold() in NO_LABEL or label == "None"]
    if nothing := [label for label in nothing if label not in meant]:
        found.append(
            Mistake(
                nothing,
                "they say that there is no label: leave their cells empty, or put the files beside the folders of "
                "classes, so that they count as unlabelled; or leave them out: "
                f"{set_names('ingest.drop', nothing)}; or, if they are classes, say so: "
                f"{set_names('ingest.meant', [*meant, *nothing])}",
            )
        )
    if odd := [label for label in counts if set(map(unicodedata.category, label)) & {"Cc"} and label not in several]:
        pairs = {**(rename or {}), **{label: _without_controls(label) for label in odd}}
        found.append(Mistake(odd, f"letters that can't be printed; rename them: {_set_renames(pairs)}"))
    alike = {}  # the name that stays: the others
    for names in spelled_alike(counts):
        kept, *others = sorted(names, key=lambda name: (-counts[name], len(name), name))
        if set(names) - set(meant) - {kept}:
            alike[kept] = others
    merged = {other: kept for kept, others in alike.items() for other in others}
    renamed = {old: merged.get(new, new) for old, new in (rename or {}).items()} | merged
    codes = [other for kept, others in alike.items() if _are_codes([kept, *others]) for other in others]
    for kept, others in alike.items():
        if others[0] in codes:
            if_two = f"if they are different codes: {set_names('ingest.meant', [*meant, *codes])}"
        else:
            if_two = "if they are two, give one a name of its own there"
        found.append(
            Mistake(
                sorted([kept, *others]),
                "names of classes that differ by case or spelling only; if they are one class, merge them: "
                f"{_set_renames(renamed)}; {if_two}",
            )
        )
    if numbers := count_measured(counts):
        found.append(
            Mistake(
                list(counts),
                f"continuous: {numbers:,} different numbers, a measurement and not classes; Equipoise is not for "
                "regression: cut the numbers into a few named classes",
            )
        )
    return found


def told(wrong: Iterable[Mistake], where: str, rows: Mapping[str, list[int]] | None = None) -> str:
    """The mistakes as lines of a message.

    Parameters
    ----------
    wrong
        The mistakes.
    where
        What holds the labels, for instance ``data/raw/table.csv``.
    rows
        The rows of each label, if a table holds them.
    """
    lines = []
    for one in wrong:
        shown = first_few(list(map(repr, one.labels)), SHOWN)
        of = sorted(row for label in one.labels for row in (rows or {}).get(label, []))
        at = f", {_rows(of)}" if of and len(one.labels) <= SHOWN else ""
        lines.append(f"{where}: the labels {shown}{at}: {one.why}")
    return "\n".join(lines)


def several_in_one(labels: Collection[str]) -> dict[str, list[str]]:
    """Labels that look like several, with what they are made of (nothing for a list in a cell).

    A list, or anything with ``|`` or ``;``; what falls into labels of the dataset at ``| ; , / + &``, "and", "or",
    spaces and other signs, if it is no number; and what falls, at the first six, into pieces each of which is a piece
    of another such label as well.
    """
    known = {_folded(label) for label in labels}
    pieces_of = {label: [piece for piece in re.split(STRONG, label) if piece] for label in labels}
    shared = Counter(_folded(piece) for pieces in pieces_of.values() if len(pieces) > 1 for piece in set(pieces))
    found: dict[str, list[str]] = {}
    for label in sorted(labels):
        pieces = pieces_of[label]
        if LIST.fullmatch(label):
            found[label] = []
        elif len(pieces) > 1 and (set("|;") & set(label) or all(shared[_folded(piece)] > 1 for piece in pieces)):
            found[label] = pieces
        elif _number(label) is None and (made_of := _known_pieces(label, known)):
            found[label] = made_of
    return found


def _known_pieces(label: str, known: Collection[str]) -> list[str]:
    """The labels that a label falls into at separators, weak ones too; nothing where a piece is no label."""
    for separator in (STRONG, WEAK):
        pieces = [piece for piece in re.split(separator, label) if piece]
        if len(pieces) > 1 and all(_folded(piece) in known for piece in pieces):
            return pieces
    return []


def spelled_alike(labels: Collection[str]) -> list[list[str]]:
    """Labels that are one but for case, spaces, accents' spelling, signs, or how a number is written (1, 1.0, 01)."""
    names = sorted(labels)
    first: dict[object, int] = {}
    pairs = [
        (first.setdefault(key, at), at)
        for at, name in enumerate(names)
        for key in (("slug", slug(name)), ("text", _folded(name)), ("number", _number(name)))
        if key != ("number", None)
    ]
    own, other = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    component = connected_components(len(names), own, other)
    sets: dict[int, list[str]] = {}
    for at, name in zip(component, names, strict=True):
        sets.setdefault(int(at), []).append(name)
    return [one for one in sets.values() if len(one) > 1]


def count_measured(labels: Iterable[str]) -> int:
    """How many different numbers the labels are, if they are a measurement and not classes, else 0."""
    values = {_number(label) for label in labels}
    if None in values:
        return 0
    measured = len(values) > MOST_NUMBERS and any(not value.is_integer() for value in values if value is not None)
    return len(values) if measured else 0


def _number(text: str) -> float | None:
    """The finite number that a text spells; None where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _set_renames(renames: Mapping[str, str]) -> str:
    """The option of the command line that sets new names of classes."""
    pairs = ", ".join(f"{yaml_text(old)}: {yaml_text(new)}" for old, new in renames.items())
    return f"--set {quoted(f'ingest.rename={{{pairs}}}')}"


def _without_controls(label: str) -> str:
    return " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in label).split())


def _are_codes(names: Collection[str]) -> bool:
    """Whether names of one number differ in leading zeros, as codes may."""
    return all(name.isdigit() for name in names)


def _folded(label: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def _rows(rows: list[int]) -> str:
    return f"row{'s' * (len(rows) > 1)} {first_few(list(map(str, rows)), 10)}"
