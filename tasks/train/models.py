"""A trained model as a thing to keep: saved without pickle, loaded without the pipeline's tables, ready to predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.features.embedding import about as about_features
from tasks.files import write_json
from tasks.inputs import FileSource, Inputs
from tasks.scores import Kind, Scores
from tasks.tables import ENSEMBLES
from tasks.train.families import Family, Fitted
from tasks.train.posthoc import PostHoc
from tasks.train.voting import Of, kind_of, vote

if TYPE_CHECKING:
    from tasks.features.backbones import Backbone

ABOUT = "model.json"
SEEDS = "seeds"
FOLDS = "folds"  # where models stand that saw no image of a fold each
ENROLLED = "enrolled"  # key of the classes that were added later (`tasks.similarity.enrolling`)


@dataclass(frozen=True)
class Model:
    """A strategy's model: one fit a seed, and the post-hoc rule that is applied to their scores.

    Attributes
    ----------
    classes
        Names, in the order of the scores.
    family
        The component that fitted it.
    posthoc
        The rule, fitted.
    fits
        One fitted model a seed, from seed 0; all have learnt the same prior.
    fold
        The fold that it has not seen; None for the model of all training rows.
    backbone
        How its features are made of images; None where the family looks at images itself.
    depth
        Bits of 16-bit values that were shown when it was fitted (`tasks.images.to_rgb`).
    vote
        Of what the mean over the seeds is taken before the rule is applied; None: each stands for itself.
    """

    classes: list[str]
    family: Family
    posthoc: PostHoc
    fits: tuple[Fitted, ...]
    fold: int | None
    backbone: Backbone | None
    depth: int
    vote: Of | None = None

    @property
    def kind(self) -> Kind:
        """Of its scores."""
        return kind_of([self.family.score], self.vote or "scores")

    def predict_each(self, inputs: Inputs) -> Scores:
        """Scores of every seed, or of their vote, values of shape (S, n, K); post-hoc rule applied."""
        return self.posthoc.adjust(self.scores(inputs))

    def predict(self, inputs: Inputs) -> Scores:
        """Scores averaged over the seeds, values of shape (n, K); post-hoc rule applied."""
        each = self.predict_each(inputs)
        return each.with_values(each.values.mean(axis=0))

    def scores(self, inputs: Inputs) -> Scores:
        """Scores of every seed as the family gives them, or of their vote, values of shape (S, n, K)."""
        each = [fitted.predict(inputs) for fitted in self.fits]
        if self.vote:
            each = [vote(each, self.vote)]
        return each[0].with_values(np.stack([one.values for one in each]))

    @property
    def backbones(self) -> dict[str, Backbone]:
        """By its name, how features are made of images; empty where the family looks at images itself."""
        return {} if self.backbone is None else {self.family.backbone: self.backbone}

    @property
    def shown(self) -> dict[str, Any]:
        """`image_size` and `resize` of the squares that it sees; empty where it doesn't say."""
        if self.backbone is None:
            return self.family.shown
        return {"image_size": self.backbone.image_size, "resize": self.backbone.resize}

    def places(self, inputs: Inputs) -> NDArray[np.float64] | None:
        """How odd each place of n inputs is, shape (n, y, x): the seeds' mean of `Fitted.places`, if it is."""
        found = [places for fitted in self.fits if (places := fitted.places(inputs)) is not None]
        return np.asarray(np.mean(found, axis=0)) if found else None

    def cosines(self, inputs: Inputs) -> NDArray[np.float64]:
        """How alike each two inputs are, shape (n, n), -1 to 1: the mean over the seeds of what each has learnt.

        Raises
        ------
        InputError
            The family has no similarity.
        """
        found = [units for fitted in self.fits if (units := fitted.directions(inputs)) is not None]
        if not found:
            raise InputError(
                f"a model of the family {self.family.name!r} has no similarity by which images are compared; name a "
                "strategy of the family 'similarity' or 'nearest_class_mean'"
            )
        cosines: NDArray[np.float64] = np.mean([units @ units.T for units in found], axis=0)
        return cosines.clip(-1, 1)

    def inputs(self, images: Sequence[Path | bytes], workers: int = 1, *, patient: bool = False) -> Inputs:
        """Image files, or their bytes, as this model sees them: by the preprocessing that it was fitted with.

        Parameters
        ----------
        images
            Those that no stage has seen.
        workers
            Number of processes; changes time only.
        patient
            Whether one that can't be read is no error (`tasks.inputs.FileSource`).
        """
        source = FileSource(images, self.backbones, self.depth, workers, patient)
        return Inputs([str(row) for row in range(len(images))], source)


def save_model(model: Model, folder: Path, about: dict[str, Any]) -> None:
    """Write `model` into `folder`: each fit in its family's own format, everything else, and `about`, as JSON."""
    for seed, fitted in enumerate(model.fits):
        own = folder / SEEDS / str(seed)
        own.mkdir(parents=True)
        fitted.save(own)
    if model.backbone is not None:
        model.backbone.save(folder, model.fold)
    facts = {
        "classes": model.classes,
        "family": model.family.model_dump(mode="json"),
        "posthoc": model.posthoc.model_dump(mode="json"),
        "prior": model.fits[0].prior.tolist(),
        "fold": model.fold,
        "backbone": model.backbone and model.backbone.settings(),
        "features": model.backbone and about_features(model.backbone),
        "depth": model.depth,
        "score": model.kind,
        "seeds": len(model.fits),
        "vote": model.vote,
    }
    write_json(folder / ABOUT, facts | about)


def fold_folder(folder: Path, fold: int) -> Path:
    """Where, below a strategy's `folder`, the model stands that saw no image of `fold`."""
    return folder / FOLDS / str(fold)


def model_folder(root: Path, name: str) -> Path:
    """Where the workspace at `root` keeps the model of a strategy or an ensemble."""
    ensemble = root / ENSEMBLES / name
    return ensemble if (ensemble / ABOUT).is_file() else root / "models" / name


def rule_file(root: Path, strategy: str) -> Path:
    """Where the workspace at `root` keeps the rule by which a strategy's scores are decided, which `evaluate` fits."""
    return root / "reports" / "evaluate" / "rules" / f"{strategy}.json"
