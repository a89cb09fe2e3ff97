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
LINKS = {  # words between labels
    *("and", "or", "with", "plus", "x", "und", "oder", "mit", "et", "ou", "avec", "y", "o", "con", "e", "en", "och"),
}
NO_LABEL = {  # in small letters
    *("nan", "nat", "null", "<na>", "n/a", "#n/a", "n.a.", "tbd", "todo", "no label", "no_label", "unannotated"),
    *("unlabelled", "unlabeled", "not labelled", "not labeled"),
}
TRUE, FALSE = {"true", "yes", "y", "1"}, {"false", "no", "n", "0"}  # in small letters
SCORE = re.compile(r"(?<!\d)\s*[:=@(]\s*(?:0?[.,]\d+|1[.,]0+|\d{1,3}(?:[.,]\d+)?\s?%)\s*\)?")  # behind a name
BARE_SCORE = re.compile(r"(?<!\w)(?:0?\.\d+|1\.0+|\d{1,3}(?:\.\d+)?\s?%)(?!\w)")
MOST_OFFERED = 20  # names in a line to type
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
        label, pieces = max(several.items(), key=lambda item: len(item[1]))
        found.append(
            Mistake(
                list(several),
                f"several labels in one ({label!r} reads as {' and '.join(map(repr, pieces)) or 'a list'}); Equipoise "
                "is for one label an image, multi-label tables are refused: choose one class for each image, or, if "
                f"these are names of single classes, say so{_set_meant([*meant, *several])}",
            )
        )
    if scored := {label: name for label, name in with_scores(counts).items() if label not in {*meant, *several}}:
        label, name = next(iter(scored.items()))
        found.append(
            Mistake(
                list(scored),
                f"soft labels, a name with its share or score ({label!r} reads as {name!r}); Equipoise takes a class "
                f"for certain: write the names only{_offered_renames({**(rename or {}), **scored})}; or, if these are "
                f"names of classes, say so{_set_meant([*meant, *scored])}",
            )
        )
    nothing = [label for label in counts if _says_nothing(label, counts)]
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
    told_before = {*scored, *nothing, *(label for label in several if _number(label) is None)}
    for names in spelled_alike([label for label in counts if label not in told_before]):
        kept, *others = sorted(names, key=lambda name: (-counts[name], len(name), name))
        if set(names) - set(meant) - {kept} or len(set(map(slug, names))) < len(names):  # files are called by slugs
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

    A list, or anything with ``|`` or ``;``; what falls into labels of the dataset at any sign, space, linking word or
    capital, scores aside, if it is no number; what falls, at ``| ; , / + &``, into pieces each of which is a piece of
    another such label as well; and rows of zeros and ones, where all labels are such.
    """
    known = {words for label in labels for words in _readings(label)}
    folds = {_folded(label) for label in labels}
    pieces_of = {label: [piece for piece in re.split(STRONG, SCORE.sub("", label)) if piece] for label in labels}
    shared = Counter(_folded(piece) for pieces in pieces_of.values() if len(pieces) > 1 for piece in set(pieces))
    marks = _marks(labels)
    found: dict[str, list[str]] = {}
    for label in sorted(labels):
        pieces = pieces_of[label]
        if LIST.fullmatch(label):
            found[label] = []
        elif marks:
            found |= {label: marks[label]} if len(marks[label]) > 1 else {}
        elif len(pieces) > 1 and (
            set("|;") & set(label)
            or all(_folded(piece) in folds for piece in pieces)
            or (
                _number(label) is None
                and all(shared[_folded(piece)] > 1 or _folded(piece) in folds for piece in pieces)
            )
        ):
            found[label] = pieces
        elif _number(label) is None and (made_of := _known_pieces(label, known)):
            found[label] = made_of
    return found


def with_scores(labels: Collection[str]) -> dict[str, str]:
    """Labels that are a name and a share or score, such as ``cat:0.9``, and the name, where it comes more than once."""
    bare = {label: SCORE.sub("", label).strip() for label in labels}
    names = {label: name for label, name in bare.items() if name and name != label.strip()}
    times = Counter([*map(_folded, names.values()), *(_folded(label) for label in labels if label not in names)])
    return names if any(times[_folded(name)] > 1 for name in names.values()) else {}


def _marks(labels: Collection[str]) -> dict[str, list[str]]:
    """What labels that are rows of zeros and ones mark, by number; nothing where a label is none or has no company."""
    rows = {label: re.split(r"[\s,;|]+", label.strip()) for label in labels}
    if all(len(row) == 1 for row in rows.values()):
        rows = {label: list(label) for label in labels}
        if {label[0] for label in labels if label} != {"0", "1"}:  # numbers such as 10 and 11, codes such as 01
            return {}
    lengths = {len(row) for row in rows.values()}
    if len(lengths) != 1 or lengths == {1} or not all(set(row) <= {"0", "1"} for row in rows.values()):
        return {}
    marked = {label: [f"class {at}" for at, one in enumerate(row) if one == "1"] for label, row in rows.items()}
    return marked if any(len(one) > 1 for one in marked.values()) else {}


def _known_pieces(label: str, known: Collection[tuple[str, ...]]) -> list[str]:
    """The labels that a label is made of, with nothing but linking words between them; nothing where it isn't."""
    for text in (label, BARE_SCORE.sub(" ", SCORE.sub(" ", label))):
        for words in _readings(text):
            if pieces := _laid(words, known, words):
                return pieces
    return []


def _laid(words: tuple[str, ...], known: Collection[tuple[str, ...]], whole: tuple[str, ...]) -> list[str]:
    """Words as names that are known, none of them the whole; nothing where they can't be laid out so."""
    for end in range(len(words), 0, -1):
        head, rest = words[:end], words[end:]
        if head == whole or head not in known:
            continue
        if not rest:
            return [" ".join(head)]
        links = 0
        while links < len(rest) and rest[links] in LINKS:
            links += 1
        for skipped in range(links + 1):
            if tail := _laid(rest[skipped:], known, whole):
                return [" ".join(head), *tail]
    return []


def _readings(label: str) -> list[tuple[str, ...]]:
    """The words of a label in small letters, also with those parted that begin with a capital: ``ScratchDent``."""
    text = unicodedata.normalize("NFKC", label)
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    readings = (tuple(re.findall(r"[^\W_]+", one.casefold())) for one in (text, parted))
    return [words for words in dict.fromkeys(readings) if words]


def spelled_alike(labels: Collection[str]) -> list[list[str]]:
    """Labels that are one but for case, spaces, accents' spelling, signs, or how a number or a yes is written."""
    names = sorted(labels)
    truths = {_folded(name) for name in names} <= TRUE | FALSE
    first: dict[object, int] = {}
    pairs = [
        (first.setdefault(key, at), at)
        for at, name in enumerate(names)
        for key in (
            ("slug", slug(name)),
            ("text", _folded(name)),
            ("number", _number(name)),
            ("truth", _folded(name) in TRUE),
        )
        if key != ("number", None) and (truths or key[0] != "truth")
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
    """The finite number that a text spells, also with a decimal comma; None where it is none."""
    try:
        value = float(re.sub(r"^([+-]?\d+),(\d+)$", r"\1.\2", text))
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _set_renames(renames: Mapping[str, str]) -> str:
    """The option of the command line that sets new names of classes."""
    pairs = ", ".join(f"{yaml_text(old)}: {yaml_text(new)}" for old, new in renames.items())
    return f"--set {quoted(f'ingest.rename={{{pairs}}}')}"


def _offered_renames(renames: Mapping[str, str]) -> str:
    return f": {_set_renames(renames)}" if len(renames) <= MOST_OFFERED else ""


def _set_meant(names: Collection[str]) -> str:
    """Colon and option that say which names are meant; where they are too many for a line, where they are written."""
    if len(names) <= MOST_OFFERED:
        return f": {set_names('ingest.meant', names)}"
    return " in params.yaml, ingest.meant"


def _says_nothing(label: str, labels: Collection[str]) -> bool:
    """Whether a label says that there is none: ``NaN``, ``n/a``, ``?``; also ``-``, where no ``+`` is its opposite."""
    if label == "None" or " ".join(label.casefold().split()) in NO_LABEL:
        return True
    is_signs = all(unicodedata.category(sign).startswith("P") for sign in label)
    return is_signs and not any(name.strip("+") == "" for name in labels)


def _without_controls(label: str) -> str:
    return " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in label).split())


def _are_codes(names: Collection[str]) -> bool:
    """Whether names of one number differ in leading zeros, as codes may."""
    return all(name.isdigit() for name in names)


def _folded(label: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def _rows(rows: list[int]) -> str:
    return f"row{'s' * (len(rows) > 1)} {first_few(list(map(str, rows)), 10)}"
