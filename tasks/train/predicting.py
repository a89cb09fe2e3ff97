"""What a saved model says of image files: for `equipoise predict` and for MLflow's pyfunc."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tasks.depth import top
from tasks.images import UnreadableError, bits_used, open_image, to_rgb
from tasks.ingest.wording import first_few
from tasks.parallel import each
from tasks.scores import has_probabilities, probabilities
from tasks.tables import SCORE_PREFIX
from tasks.train.models import Model

PROBABILITY_PREFIX = "probability."


def predicted(model: Model, files: Sequence[Path], workers: int = 1) -> pd.DataFrame:
    """Classify image files.

    Parameters
    ----------
    model
        A strategy's.
    files
        The images, n of them.
    workers
        Number of processes; changes time only.

    Returns
    -------
    pandas.DataFrame
        A row an image: ``label``, the class with the highest score; ``score.<class>`` for each class; and, where scores
        are no anomaly scores, ``probability.<class>``, which hold for the class shares that the post-hoc rule aims at.

    Raises
    ------
    InputError
        A file can't be read as an image.
    """
    scores = model.predict(model.inputs(files, workers))
    columns = {SCORE_PREFIX + name: scores.values[:, code] for code, name in enumerate(model.classes)}
    if has_probabilities(scores.kind):
        shares = probabilities(scores.values, scores.kind)
        columns |= {PROBABILITY_PREFIX + name: shares[:, code] for code, name in enumerate(model.classes)}
    table = pd.DataFrame(columns)
    table.insert(0, "label", [model.classes[best] for best in scores.decisions])
    return table


def off_scale(model: Model, files: Sequence[Path], workers: int = 1) -> list[str]:
    """A sentence on files of 16 bits a value that the model sees much darker than in training, or cut off at white."""
    used = {file: bits for file, bits in zip(files, each(bits_used, files, workers), strict=True) if bits}
    if not used:
        return []
    most, depth = max(used.values()), model.depth
    if most < depth:
        have = "1 image has" if len(used) == 1 else f"{len(used):,} images have"
        return [
            f"{have} 16 bits a value of which at most {most} are used, and the model's scale is {depth} bits, on which "
            f"they are dark: if {top(most)} is their white, scale them to 0 to {top(depth)}, or save them with 8 bits"
        ]
    deeper = [str(file) for file, bits in used.items() if bits > depth]
    if not deeper:
        return []
    have = "1 image has" if len(deeper) == 1 else f"{len(deeper):,} images have"
    return [
        f"{have} values above {top(depth)}, the white of the model's {depth} bits: cut off there, and brighter than "
        f"in training. Scale such images to 0 to {top(depth)}, or train with some of them: {first_few(deeper)}"
    ]


def readable(model: Model, files: Sequence[Path]) -> tuple[list[Path], dict[Path, str]]:
    """The files that are images, in order, and of the others what is wrong with each."""
    good: list[Path] = []
    wrong: dict[Path, str] = {}
    for file in files:
        try:
            to_rgb(open_image(file).image, model.depth)
            good.append(file)
        except UnreadableError as error:
            wrong[file] = f"{file}: {error}"
    return good, wrong
