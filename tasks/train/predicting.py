"""What a saved model says of image files: for `equipoise predict` and for MLflow's pyfunc."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tasks.images import UnreadableError, open_image, to_rgb
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
