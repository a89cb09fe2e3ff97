"""The sample: real photos of solar cells with natural imbalance, from the optional package `elpv-dataset`."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from flows.dataset.entries import Entry, Found, plan_merge
from flows.dataset.finding import find_present
from flows.dataset.place import Report, carry_out
from flows.dataset.versions import POINTER, finish_interrupted, require_repository
from flows.locks import workspace_lock
from tasks.errors import InputError
from tasks.workspace import say

# The package gives the probability of a defect, as thirds.
CLASSES = {0: "functional", 1: "likely_functional", 2: "likely_defective", 3: "defective"}
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
        present = find_present(root)
        if present.entries and not is_sample(present):
            raise InputError("data/raw holds other images, which the sample would mix with; move data/raw away first")
        if not present.entries and (root / POINTER).exists():
            raise InputError(f"{POINTER} names a dataset that is not here: get it with `dvc pull` or `dvc checkout`")
        return carry_out(root, plan_merge(present, new), keep=True)


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
    entries = []
    for line in (folder / "labels.csv").read_text(encoding="utf-8").splitlines():
        file, probability, _ = line.split()
        label = CLASSES[round(3 * float(probability))]
        source = folder / file
        entries.append(Entry(f"{label}/{source.name}", label, "", "", source, source.stat().st_size))
    return Found(entries, [])
