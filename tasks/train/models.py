"""A trained model as a thing to keep: saved without pickle, loaded without the pipeline's tables, ready to predict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from tasks.errors import InputError
from tasks.files import read_json, write_json
from tasks.registry import Part, parts
from tasks.train.families import Family, State
from tasks.train.posthoc import PostHoc

ARRAYS = "model.safetensors"
ABOUT = "model.json"


@dataclass(frozen=True)
class Model:
    """A strategy's model: one fit a seed, and the post-hoc rule with the prior that it takes away.

    Attributes
    ----------
    classes
        Names, in the order of the scores.
    family, posthoc
        The parts that predict.
    prior
        Effective class prior of the fits, shape (K,).
    states
        One state a seed, from seed 0.
    """

    classes: list[str]
    family: Family
    posthoc: PostHoc
    prior: NDArray[np.float64]
    states: tuple[State, ...]

    def predict_each(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores of every seed: shape (seeds, n, K) for `features` of shape (n, d); post-hoc rule applied."""
        scores = [self.family.predict(state, features) for state in self.states]
        return np.stack([self.posthoc.adjust(each, self.prior) for each in scores])

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores averaged over the seeds: shape (n, K) for `features` of shape (n, d); post-hoc rule applied."""
        mean: NDArray[np.float64] = self.predict_each(features).mean(axis=0)
        return mean


def save_model(model: Model, folder: Path, about: dict[str, Any]) -> None:
    """Write `model` into `folder`: arrays as safetensors, everything else, and `about`, as JSON."""
    arrays = {f"{seed}.{name}": value for seed, state in enumerate(model.states) for name, value in state.items()}
    (folder / ARRAYS).write_bytes(save(arrays))  # `save_file` would leave a file that only its owner can read
    facts = {
        "classes": model.classes,
        "family": _describe(model.family),
        "posthoc": _describe(model.posthoc),
        "prior": model.prior.tolist(),
        "score": model.family.score,
        "seeds": len(model.states),
    }
    write_json(folder / ABOUT, facts | about)


def fold_folder(folder: Path, fold: int) -> Path:
    """Where, below a strategy's `folder`, the model stands that saw no image of `fold`."""
    return folder / "folds" / str(fold)


def load_model(folder: Path) -> Model:
    """Load what `save_model` wrote.

    Raises
    ------
    InputError
        There is no model in `folder`.
    """
    try:
        facts = read_json(folder / ABOUT)
        arrays = load_file(folder / ARRAYS)
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no model here ({error.filename} is missing); run the stage train first") from None
    states: list[dict[str, NDArray[np.float32]]] = [{} for _ in range(facts["seeds"])]
    for key, value in arrays.items():
        seed, _, name = key.partition(".")
        states[int(seed)][name] = value
    return Model(
        facts["classes"],
        _make("tasks.train.families", facts["family"]),
        _make("tasks.train.posthoc", facts["posthoc"]),
        np.array(facts["prior"]),
        tuple(states),
    )


def _describe(part: Part) -> dict[str, Any]:
    return {"name": part.part_name(), "parameters": part.model_dump(mode="json")}


def _make(package: str, described: dict[str, Any]) -> Any:
    return parts(package)[described["name"]](**described["parameters"])
