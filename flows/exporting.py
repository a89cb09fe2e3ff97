"""`equipoise export-model`: a trained model as one file that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flows.lockfile import RAW
from flows.output_place import require_place
from tasks.errors import InputError
from tasks.progress import say

if TYPE_CHECKING:
    from flows.chosen_model import Chosen

FORMATS = ("onnx",)
IMAGES = 32  # that the file is held against


def export_model(root: Path, chosen: Chosen, out: Path, kind: str = "onnx") -> str:
    """Write a model as a file.

    Parameters
    ----------
    root
        The workspace.
    chosen
        The model.
    out
        Where to write, whole or not at all.
    kind
        One of `FORMATS`.

    Returns
    -------
    str
        Ten lines of Python that use the file.

    Raises
    ------
    InputError
        The model can't be exported, a package or the images are missing, nothing can be written to `out`, or the file
        would not answer as the model does.
    """
    if kind not in FORMATS:
        raise InputError(f"there is no format {kind!r} of models; there is {', '.join(FORMATS)}")
    from tasks import export_model
    from tasks.train.ensembles import require_single

    export_model.require_packages()
    require_place(root, out)
    model, rule = require_single(chosen.classifier.model, chosen.title, "exported"), chosen.classifier.rule
    parity = export_model.export_onnx(model, chosen.title, rule, real_images(root), out)
    say(str(parity))
    if parity.otherwise:
        say(
            f"{parity.otherwise:,} of these images are not what the example makes of them (16 bits a value, "
            "transparency, unusual files): decode such files as Equipoise does, see docs/export-model.md"
        )
    return export_model.example(model, str(out))


def real_images(root: Path) -> list[Path]:
    """Some images of this workspace: of the test part, else of the training part.

    Raises
    ------
    InputError
        There are none, or they are not here.
    """
    from tasks.tables import CATALOG, SPLITS, USED_PARTS, first_repeat
    from tasks.workspace import Workspace

    workspace = Workspace(root)
    splits = first_repeat(workspace.read(SPLITS))
    paths = workspace.read(CATALOG).set_index("image_id")["path"]
    ordered = [name for part in reversed(USED_PARTS) for name in sorted(splits.loc[splits["part"] == part, "image_id"])]
    files = [root / RAW / paths[name] for name in ordered[:IMAGES]]
    if not files or not all(file.is_file() for file in files):
        raise InputError(f"the exported file is held against images of {RAW}, which are not here: `dvc pull` them")
    return files
