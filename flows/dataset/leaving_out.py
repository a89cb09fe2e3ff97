"""What `equipoise add` leaves out of a folder, and why; the reasons stand in `data/left_out.csv`, which git keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from flows.dataset.entries import Entry, LeftOut, listed
from tasks.files import write_text
from tasks.formats import OTHER, TEXT, Kind
from tasks.images import OTHER_FILE
from tasks.ingest.left_out import LEFT_OUT, left_out_text, read_left_out
from tasks.ingest.reasons import BROKEN_LINK
from tasks.ingest.wording import readable
from tasks.progress import say

LINK = "link"
AGAIN = "folder seen already"
LEFT_OUT_FOLDER = "image"


def left_out(path: Path, label: str, kind: Kind) -> LeftOut:
    """A file of a kind that is left out; `path` lies below the folder that is looked through."""
    if kind in (TEXT, OTHER):
        return LeftOut(_named(path), "", OTHER_FILE, readable(path.suffix.lower()) or "no ending")
    return LeftOut(_named(path), label if kind.shows_something else "", kind.name, kind.remedy)


def left_out_link(path: Path, label: str) -> LeftOut:
    """A link that is not followed."""
    return LeftOut(_named(path), label, LINK, "not followed; --follow-links takes what it leads to")


def left_out_again(path: Path) -> LeftOut:
    """A followed link to a folder that was looked through at another place, or a folder below such a link."""
    return LeftOut(_named(path), "", AGAIN, "leads to a folder that was looked through at another place")


def left_out_broken(path: Path, label: str) -> LeftOut:
    """A link that leads nowhere, or back to where it is."""
    return LeftOut(_named(path), label, BROKEN_LINK, "leads nowhere, or back to where it is")


def left_out_on_purpose(path: Path) -> LeftOut:
    """An image in a folder of which the user said that it is no part."""
    return LeftOut(_named(path), "", LEFT_OUT_FOLDER, "ingest.parts calls its folder none")


def _named(path: Path) -> str:
    """A path as the table holds it, also where its bytes are not UTF-8."""
    return readable(path.as_posix())


def notes(files: Iterable[LeftOut]) -> list[str]:
    """A sentence a reason."""
    files = list(files)
    links = [one.path for one in files if one.reason == LINK]
    again = [one.path for one in files if one.reason == AGAIN]
    broken = [one.path for one in files if one.reason == BROKEN_LINK]
    said = [listed("links were not followed; --follow-links takes what they lead to", links)] if links else []
    said += [listed("links lead to folders that were seen already; each counts once", again)] if again else []
    said += [listed("links lead nowhere, or back to where they are; they were left out", broken)] if broken else []
    shown_apart = (LINK, AGAIN, BROKEN_LINK, OTHER_FILE)
    kinds = Counter((one.reason, one.detail) for one in files if one.reason not in shown_apart)
    said += [
        f"{count:,} {kind}{'s' * (count > 1 and kind.islower())} left out: {remedy}"
        for (kind, remedy), count in sorted(kinds.items())
    ]
    others = Counter(one.detail for one in files if one.reason == OTHER_FILE)
    if others:
        endings = ", ".join(f"{count:,} {ending}" for ending, count in sorted(others.items()))
        number = others.total()
        said.append(f"{number:,} other file{'s' if number > 1 else ''} left out ({endings})")
    return said


def remember(root: Path, new: list[LeftOut], entries: list[Entry], keep: bool) -> None:
    """Write into `data/left_out.csv` what was left out, for the report; call it while holding the workspace.

    `keep` says whether what was left out before stays; what is among the `entries` of the dataset by now never does.
    """
    file, taken = root / LEFT_OUT, {entry.path for entry in entries}
    rows = {}
    if keep and file.is_file():
        rows = {str(row["path"]): row for row in read_left_out(file).to_dict("records")}
    rows |= {one.path: one._asdict() for one in new}
    left = [row for path, row in sorted(rows.items()) if path not in taken]
    text = left_out_text(left)
    if file.read_text(encoding="utf-8") != text if file.is_file() else left:
        write_text(file, text)
        say(f"{LEFT_OUT} says what was left out, for the report")
