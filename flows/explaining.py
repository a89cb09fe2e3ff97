"""`equipoise explain`: why a trained model decides on an image as it does, as a picture and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.output_place import require_place
from tasks.files import write_bytes, write_text

if TYPE_CHECKING:
    from flows.chosen_model import Chosen
    from tasks.train.nearest import Reference
    from tasks.workspace import Workspace


def explain(
    root: Path, chosen: Chosen, files: Sequence[Path], folder: Path, wanted: str = ""
) -> list[tuple[str, Path]]:
    """Write ``<image>.png`` and ``<image>.html`` for each of some images.

    Parameters
    ----------
    root
        The workspace.
    chosen
        The model that explains itself.
    files
        The images.
    folder
        Where the files go.
    wanted
        A class whose heat map is shown; empty: the decided class and the runner-up.

    Returns
    -------
    list of tuple
        The decision for each image, and its page.

    Raises
    ------
    InputError
        A file can't be read as an image, the model can't be explained, or nothing can be written to `folder`.
    """
    from tasks.explain.explanation import explain, read_image
    from tasks.explain.picture import picture
    from tasks.explain.report import page
    from tasks.train.ensembles import require_single
    from tasks.workspace import Workspace

    model, rule = require_single(chosen.classifier.model, chosen.title, "explained"), chosen.classifier.rule
    for file in files:
        read_image(file, model.depth)  # all of them before anything is computed
    require_place(root, folder / "explanation.html")
    workspace = Workspace(root)
    reference, known = _training_images(workspace, chosen), _Known(workspace, is_own=chosen.strategy is not None)
    told = []
    taken: set[str] = set()
    for one in explain(model, chosen.title, rule, files, reference, wanted):
        name = _free(one.file.name, taken)
        png = picture(one)
        write_bytes(folder / f"{name}.png", png)
        write_text(folder / f"{name}.html", page(one, png, model.depth, known.sentence(one.file)))
        told.append((one.label, folder / f"{name}.html"))
    return told


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number where another image of another folder has it."""
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free.lower())
    return free


def _training_images(workspace: Workspace, chosen: Chosen) -> Reference | None:
    from tasks.train.nearest import reference_of

    model = chosen.classifier.model
    if chosen.strategy is None or not model.backbones:
        return None
    return reference_of(workspace, model, workspace.path("models", chosen.strategy))


class _Known:
    """What the workspace knows of images."""

    def __init__(self, workspace: Workspace, *, is_own: bool) -> None:
        """`is_own` says whether the model that is asked was trained here."""
        from tasks.tables import CATALOG, SPLITS, first_repeat

        self.is_own = is_own
        catalog = workspace.read(CATALOG)
        self.ids = dict(zip(catalog["sha256"], catalog["image_id"], strict=True))
        splits = first_repeat(workspace.read(SPLITS))
        self.rows = {row.image_id: (row.part, row.label) for row in splits.itertuples()}

    def sentence(self, file: Path) -> str:
        """Whether the model has learnt from an image, and its label; empty where it is new."""
        from tasks.fingerprints import file_hash

        part, label = self.rows.get(self.ids.get(file_hash(file), ""), ("", ""))
        if part and not self.is_own:
            return (
                f"This image is in the {part} part of this workspace, as {label}; whether the model, which is not one "
                "of this workspace's present ones, has learnt from it is not known here."
            )
        if part == "train":
            return (
                f"This image is in the training part, as {label}: the model has learnt from it, "
                "and is surer of it than it would be of others."
            )
        return f"This image is in the {part} part, as {label}; the model has not learnt from it." if part else ""
