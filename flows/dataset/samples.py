"""The sample: real photos of solar cells with natural imbalance, from the optional package `elpv-dataset`."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from itertools import groupby
from pathlib import Path

from flows.dataset.bringing import Way, check_space
from flows.dataset.entries import Entry, Found, class_counts, plan_merge
from flows.dataset.folders import find_in_folder
from flows.dataset.place import Report, carry_out, finish_interrupted
from flows.dataset.versions import POINTER, RAW, require_repository
from flows.locks import workspace_lock
from tasks.errors import InputError
from tasks.params.models import Ingest
from tasks.progress import say

# The package gives the probability of a defect, as thirds.
CLASSES = {0: "functional", 1: "likely_functional", 2: "likely_defective", 3: "defective"}
MODULE_CELLS = 60
LICENCE = """\
Photos of solar cells: the ELPV dataset, https://github.com/zae-bayern/elpv-dataset
Licence: CC BY-NC-SA 4.0 (not for commercial use), https://creativecommons.org/licenses/by-nc-sa/4.0/
Cite: Deitsch, S.; Christlein, V.; Berger, S.; Buerhop-Lutz, C.; Maier, A.; Gallwitz, F. & Riess, C. Automatic
classification of defective photovoltaic module cells in electroluminescence images. Solar Energy, 2019, 185, 455-468.
DOI 10.1016/j.solener.2019.02.067"""


def sample(root: Path) -> Report:
    """Copy the sample photos to ``data/raw/<class>/`` and have DVC version them; a second time changes nothing.

    Raises
    ------
    InputError
        The package is not installed, `data/raw` holds other images, or there is no DVC repository.
    """
    require_repository(root)
    say(LICENCE)
    new = _photos()
    with workspace_lock(root):
        finish_interrupted(root)
        raw = root / RAW
        there = find_in_folder(raw, Ingest.model_validate({"class_level": 1})) if raw.is_dir() else Found([], [])
        if there.entries and not is_sample(there):
            raise InputError(
                "data/raw holds other images, which the sample would mix with: move data/raw away, or make another "
                "workspace for it (`equipoise new FOLDER`)"
            )
        if not there.entries and (root / POINTER).exists():
            raise InputError(f"{POINTER} names a dataset that is not here: get it with `dvc pull` or `dvc checkout`")
        sizes = {entry.path: entry.size for entry in there.entries}
        present = [replace(e, source=raw / e.path, size=sizes[e.path]) for e in new.entries if e.path in sizes]
        joined = ", ".join(f"{name} {number:,}" for name, number in class_counts(new.entries).items())
        say(f"{len(new.entries):,} images: {joined}")
        plan = plan_merge(Found(present, []), new)
        say(check_space(root, plan, Way.COPY))
        report = carry_out(root, plan, keep=True)
        say(f"keep it in git: git add {POINTER} && git commit -m sample")
        return report


def is_sample(found: Found) -> bool:
    """Whether these are the sample photos, or some of them."""
    name = re.compile(rf"({'|'.join(CLASSES.values())})/cell\d{{4}}\.png")
    return bool(found.entries) and all(name.fullmatch(entry.path) for entry in found.entries)


def _photos() -> Found:
    """The photos of the package, each below the class that its probability of a defect names."""
    try:
        folder = Path(str(files("elpv_dataset"))) / "data"
    except ModuleNotFoundError:
        raise InputError("the sample photos are not installed: pip install 'equipoise[sample]'") from None
    rows = [line.split() for line in (folder / "labels.csv").read_text(encoding="utf-8").splitlines()]
    entries = []
    for (file, probability, _), group in zip(rows, modules([cell_type for _, _, cell_type in rows]), strict=True):
        label = CLASSES[round(3 * float(probability))]
        source = folder / file
        entries.append(Entry(f"{label}/{source.name}", label, group, "", source, source.stat().st_size))
    return Found(entries, [])


def modules(cell_types: list[str]) -> list[str]:
    """A stand-in for the solar module that each cell was cut from, which the data don't name.

    The photos come from 44 modules, one after the other: runs of one cell type are mostly multiples of 60, as many
    cells as a common module has. So each run is cut into blocks of 60 photos, which gives 45 blocks. Cells of one
    module share its age, its damage and its photo, so they must not stand on both sides of a split.
    """
    groups = []
    for run, (cell_type, cells) in enumerate(groupby(cell_types), start=1):
        groups += [f"{cell_type}-{run}-{number // MODULE_CELLS + 1}" for number, _ in enumerate(cells)]
    return groups
