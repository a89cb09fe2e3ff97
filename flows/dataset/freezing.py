"""Freezing the split: the present assignment goes into a file that git keeps and that the stage `split` obeys."""

from __future__ import annotations

from pathlib import Path

from flows.locks import workspace_lock
from tasks.errors import InputError
from tasks.files import write_text
from tasks.params import load_params
from tasks.progress import say
from tasks.split import FROZEN
from tasks.split.frozen import frozen_text
from tasks.tables import SPLITS, USED_PARTS

KEEP = f"keep it in git: git add {FROZEN} && git commit"


def freeze(root: Path) -> None:
    """Write where every image is at present into `data/frozen.csv`.

    Raises
    ------
    InputError
        There is no split yet, or another run holds the workspace.
    """
    with workspace_lock(root):
        if not SPLITS.place(root).is_file():
            raise InputError(f"{SPLITS.place(Path())}: there is no split yet; `equipoise run split` makes one")
        number = _write(root)
        say(f"{FROZEN} holds the places of {number:,} images; {KEEP}")
        if not _obeyed(root):
            say("params.yaml says split.frozen: false, so that the file is not obeyed; set split.frozen=true")


def discard(root: Path) -> None:
    """Empty `data/frozen.csv`, so that the next run draws all images anew."""
    with workspace_lock(root):
        write_text(root / FROZEN, frozen_text(SPLITS.empty()))
        say(f"{FROZEN} is empty: the next run draws every image anew; {KEEP}")
        say("run before you add images: `equipoise add` freezes the split that it finds")


def freeze_before_adding(root: Path) -> None:
    """Freeze the present split, if there is one and it is to be obeyed; call it while holding the workspace."""
    if not SPLITS.place(root).is_file() or not _obeyed(root):
        return
    before = _text(root)
    number = _write(root)
    if _text(root) != before:
        say(f"the images that are here keep their places: {FROZEN} holds those of {number:,}; {KEEP}")


def _obeyed(root: Path) -> bool:
    return load_params(root / "params.yaml").split.frozen


def _text(root: Path) -> str:
    return (root / FROZEN).read_text(encoding="utf-8") if (root / FROZEN).is_file() else ""


def _write(root: Path) -> int:
    """Write the present split into the file and return how many images it names."""
    splits = SPLITS.read(SPLITS.place(root))
    write_text(root / FROZEN, frozen_text(splits))
    return int(splits.loc[splits["part"].isin(USED_PARTS), "image_id"].nunique())
