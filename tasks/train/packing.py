"""Models as folders: what is copied where one is packed or joins an ensemble, and what says who its members are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.files import read_json, write_json
from tasks.tables import PREDICTIONS
from tasks.train.models import ABOUT, FOLDS
from tasks.train.voting import Of, kind_of

MEMBERS = "members"  # key of where an ensemble's members stand, relative to its folder
JUDGING = ("history.csv", "tuning.csv", PREDICTIONS.file)


def copy_model(model_folder: Path, folder: Path) -> None:
    """Copy the model in `model_folder` into the new `folder`.

    Without what only judges it: histories, predictions, and models of folds that don't vote.
    """

    def idle(at: str, names: list[str]) -> list[str]:
        facts = read_json(Path(at, ABOUT)) if ABOUT in names else {}
        votes = any(member.startswith(f"{FOLDS}/") for member in facts.get(MEMBERS, ()))
        return [name for name in names if name in JUDGING or (name == FOLDS and not votes)]

    shutil.copytree(model_folder, folder, ignore=idle)


def save_ensemble(
    folder: Path, members: Sequence[str], of: Of, weights: Sequence[float] | None, about: dict[str, Any]
) -> None:
    """Write what says how the models below `folder` are one, and `about`, as JSON.

    Parameters
    ----------
    folder
        That of the ensemble.
    members
        Where the members stand, relative to it.
    of, weights
        See `tasks.train.voting.vote`.
    about
        Further facts.
    """
    known = [read_json(folder / member / ABOUT) for member in members]
    facts = {
        "classes": known[0]["classes"],
        MEMBERS: list(members),
        "of": of,
        "weights": weights and list(weights),
        "depth": known[0]["depth"],
        "score": kind_of([one["score"] for one in known], of),
        "seeds": sum(one["seeds"] for one in known),
    }
    write_json(folder / ABOUT, facts | about)
