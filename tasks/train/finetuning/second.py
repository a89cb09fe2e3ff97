"""The second stage of a whole network: its last layer anew, or all of it trained on."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.train.families import Log
from tasks.train.finetuning.training import Training
from tasks.train.finetuning.whole import CENTRE, Whole, batches_of, fitted_network, last_layer
from tasks.train.further import SECOND, Further, some_of
from tasks.train.recalls import recall_note
from tasks.train.schedules.constant import Unscheduled
from tasks.train.second_stages import Classifier
from tasks.train.second_stages.none import OneStage

if TYPE_CHECKING:
    from tasks.train.families import Fit
    from tasks.train.finetuning.settings import Settings

READ = 256  # images that are shown at a time

Learnt = tuple[NDArray[np.float64], dict[str, Tensor]]  # the prior and the state of a network


@dataclass(frozen=True)
class Continued(Training):
    """Training that goes on with what another one left.

    Attributes
    ----------
    before
        The other one.
    """

    before: Training | None = None

    @cached_property
    def whole(self) -> Whole:
        """See `Training`."""
        assert self.before is not None
        made = super().whole
        made.load_state_dict(self.before.state)
        return made

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """See `Training`; those of the first stage where classes are left out, since losses know no class of no row."""
        assert self.before is not None
        own = self.fit.rows.counts(self.fit.components.sampler, self.fit.components.mixing)
        return own if own.all() else self.before.counts


def second_stage(training: Training) -> Generator[int, None, Learnt]:
    """Do what the family says is done once the first stage is over; gives the number of images of each step.

    Returns
    -------
    ndarray, dict
        The prior that the network has learnt, and its state.
    """
    family, fit, stage = training.family, training.fit, training.family.second_stage
    if stage.changes == "nothing":
        return training.prior, training.state
    before = training.state
    features = _features(family, before, fit)
    first = _classifier(before, training.prior)
    if isinstance(stage, Further):
        further = _continued(training, stage)
        yield from further.run()
        prior, after = further.prior, further.state
        outputs = _outputs(_classifier(after, prior), _features(family, after, fit))
    else:
        found = stage.refit(first, features, fit.rows, fit.seed)
        prior, after = found.prior, _with_classifier(before, found)
        outputs = _outputs(found, features)
    fit.log.notes.append(recall_note(stage.name, fit.rows, _outputs(first, features), outputs))
    return prior, after


def _continued(training: Training, stage: Further) -> Continued:
    fit, own = training.fit, {"epochs": stage.epochs, "learning_rate": stage.learning_rate, "frozen": stage.frozen}
    family = training.family.model_copy(update=own | {"second_stage": OneStage(), "backbone": "none"})
    rows = some_of(fit.rows, stage.kept(fit.rows))
    components = replace(fit.components, sampler=stage.sampler, schedule=Unscheduled())
    folder = fit.folder and fit.folder / SECOND
    log = Log(tell=lambda epoch, loss: fit.log.end_epoch(loss))
    further = replace(fit, rows=rows, inputs=fit.inputs.take(rows.ids), components=components, folder=folder, log=log)
    return Continued(family, further, training)


def _features(family: Settings, state: Mapping[str, Tensor], fit: Fit) -> NDArray[np.float32]:
    """What the last layer is given of each row, shape (n, d), of the images as they are."""
    whole = fitted_network(family.network, state, family.network.described).laid_out(family.layout)
    pooled, made = whole.scores[:2], []
    with torch.inference_mode():
        for start in range(0, len(fit.rows.ids), READ):
            images = fit.inputs.take(fit.rows.ids[start : start + READ]).images(family.image_size, family.resize)
            for batch, real in batches_of(images, family.layout):
                made.append(pooled(whole.stages(whole.normalised(batch)))[:real].numpy())
    return np.concatenate(made)


def _classifier(state: Mapping[str, Tensor], prior: NDArray[np.float64]) -> Classifier:
    weight, bias = last_layer(state)
    return Classifier(weight.numpy(), bias.numpy(), prior)


def _outputs(found: Classifier, features: NDArray[np.float32]) -> NDArray[np.float32]:
    if found.centre is not None:
        moved = features - found.centre
        features = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    outputs: NDArray[np.float32] = features @ found.weight.T + found.bias
    return outputs


def _with_classifier(state: Mapping[str, Tensor], found: Classifier) -> dict[str, Tensor]:
    """A network's state with another last layer, as `fitted_network` takes it."""
    kept = {name: value for name, value in state.items() if not name.startswith("scores.")}
    last = {"weight": torch.tensor(found.weight), "bias": torch.tensor(found.bias)}
    if found.centre is None:
        return kept | {f"scores.2.{name}": value for name, value in last.items()}
    return kept | {CENTRE: torch.tensor(found.centre)} | {f"scores.3.{name}": value for name, value in last.items()}
