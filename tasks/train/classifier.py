"""A model and the rule by which its scores become probabilities and a decision: what is packed, loaded and used as one.

In a workspace the model stands in ``models/<strategy>`` and the rule in ``reports/evaluate/rules``, since a stage
writes each. Outside of it they travel in one folder, as `pack` makes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.features.embedding import about
from tasks.files import read_json
from tasks.rules import Rule
from tasks.scores import Scores, has_probabilities, probabilities
from tasks.similarity.verification import Verification, read_verification
from tasks.train.ensembles import EnsembleModel
from tasks.train.loading import load_model
from tasks.train.models import ABOUT, ENROLLED, Model
from tasks.train.packing import copy_model

RULE = "rule.json"
VERSIONS = "versions"
UNCORRECTED = (
    "no rule of `equipoise run evaluate` goes with this model: the largest score decides, and probabilities are the "
    "softmax of its scores, not corrected"
)


@dataclass(frozen=True)
class Classifier:
    """A strategy's model, and how its scores become an answer.

    Attributes
    ----------
    model
        The model.
    rule
        Its rule; None where `evaluate` has made none yet: then the largest score decides, and the softmax of scores
        stands for probabilities.
    verification
        How well its similarity tells pairs of images; None where it has none.
    about
        What was kept of how it was made (``model.json``).
    notes
        What people should know before they trust its numbers here, a sentence each.
    """

    model: Model | EnsembleModel
    rule: Rule | None = None
    notes: tuple[str, ...] = ()
    verification: Verification | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> list[str]:
        """Names, in the order of the scores."""
        return self.model.classes

    @property
    def has_probabilities(self) -> bool:
        """Whether its scores say how probable each class is."""
        return has_probabilities(self.model.kind)

    def decide(self, scores: Scores) -> NDArray[np.int64]:
        """The decision, shape (..., n): codes of classes."""
        return scores.decisions if self.rule is None else self.rule.decide(scores.values)

    def probabilities(self, scores: Scores) -> NDArray[np.float64] | None:
        """The probability of each class, shape (..., n, K); None where scores are anomaly scores."""
        if not self.has_probabilities:
            return None
        return (
            probabilities(scores.values, scores.kind) if self.rule is None else self.rule.probabilities(scores.values)
        )


def pack(model_folder: Path, rule: Path | None, folder: Path) -> None:
    """Copy the model in `model_folder` (see `copy_model`), and its rule, if there is one, into the new `folder`."""
    copy_model(model_folder, folder)
    if rule is not None and rule.is_file():
        shutil.copyfile(rule, folder / RULE)


def load_classifier(folder: Path, rule: Path | None = None) -> Classifier:
    """Load a model with its rule, if what is installed here shows it images as in training.

    Parameters
    ----------
    folder
        Of the model: ``models/<strategy>``, or what `pack` made.
    rule
        The file of its rule; by default the one that was packed with it.

    Raises
    ------
    InputError
        There is no model, its features can't be made here as they were made in training, or the rule is of another
        model.
    """
    model = load_model(folder)
    facts = read_json(folder / ABOUT)
    notes = [*_differences_below(model, folder), *map(_enrolled, facts.get(ENROLLED, []))]
    verification = read_verification(folder)
    file = rule or folder / RULE
    if not file.is_file():
        return Classifier(model, None, (*notes, UNCORRECTED), verification, facts)
    try:
        found = Rule.read(file)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file}: not a rule that is known here ({error}); `equipoise run evaluate` makes it"
        ) from None
    if found.classes != model.classes:
        raise InputError(
            f"{file}: a rule for {', '.join(found.classes)}, but the model knows {', '.join(model.classes)}; "
            "`equipoise run` makes both anew"
        )
    made = facts.get("predictions", "")  # earlier versions kept none
    if made and found.predictions and made != found.predictions:
        raise InputError(
            f"{file}: a rule that was fitted to what another model predicted, since the model has been trained anew or "
            "is a former one; `equipoise run evaluate` fits it to the present models"
        )
    return Classifier(model, found, tuple(notes), verification, facts)


def _enrolled(one: dict[str, Any]) -> str:
    """That a class was added to a model, as a sentence."""
    images = "1 image" if len(one["images"]) == 1 else f"{len(one['images']):,} images"
    return f"class {one['class']} was enrolled from {images} and never trained on: no figure of a report speaks of it"


def _differences_below(model: Model | EnsembleModel, folder: Path) -> list[str]:
    """`_differences` of a model, or of all members of an ensemble, once each."""
    if isinstance(model, Model):
        return _differences(model, read_json(folder / ABOUT).get("features"))
    told = [one for name, member in model.members.items() for one in _differences_below(member, folder / name)]
    return list(dict.fromkeys(told))


def _differences(model: Model, made: dict[str, Any] | None) -> list[str]:
    """Sentences on what may differ in last bits from how features were made in training; what is more is refused."""
    if model.backbone is None:
        return []
    if made is None:
        return ["the model doesn't say with which versions of packages it was trained: train it anew to be sure"]
    try:
        here = about(model.backbone)
    except PackageNotFoundError as error:
        raise InputError(f"the model needs the package {error.name}: pip install {error.name}") from None
    shown = sorted(name for name in {*made, *here} - {VERSIONS} if made.get(name) != here.get(name))
    if shown:
        there, now = (", ".join(f"{name}: {facts.get(name)}" for name in shown) for facts in (made, here))
        raise InputError(
            f"the model was trained on images shown to it with {there}, and this version of Equipoise shows them with "
            f"{now}; use the version that trained it, or `equipoise run --force embed embed_new train`"
        )
    before, now_ = made.get(VERSIONS, {}), here[VERSIONS]
    other = [name for name in now_ if before.get(name) != now_[name]]
    if own := [name for name in other if name in model.backbone.needed()]:
        named = ", ".join(f"{name} {now_[name]}, trained with {before.get(name, 'none')}" for name in own)
        wanted = " ".join(f"{name}=={before[name]}" for name in own if name in before)
        raise InputError(
            f"the model's features would be made by {named}, whose vectors may be others: pip install {wanted}, or "
            "`equipoise run --force embed embed_new train`"
        )
    named = ", ".join(f"{name} {before.get(name, 'none')} (here {now_[name]})" for name in other)
    return [f"the model was trained with {named}: its scores may differ in their last digits"] if other else []
