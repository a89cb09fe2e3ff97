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

from tasks.train.course import Course, Phase
from tasks.train.families import Log
from tasks.train.finetuning.training import Training
from tasks.train.finetuning.whole import BIASES, CENTRE, Whole, batches_of, classifier_of, fitted_network
from tasks.train.further import SECOND, Further, some_of
from tasks.train.mixing.none import Unmixed
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
class Unbroken(Course):
    """The course of rows that lack a class: losses are told the counts of the first stage, since none can do with 0.

    Attributes
    ----------
    sampled
        Rows a class as the first stage drew them in the end, shape (K,).
    """

    before: NDArray[np.float64]

    @cached_property
    def sampled(self) -> NDArray[np.float64]:
        """See the class."""
        return self.before


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
        """See `Training`; its biases are moved as at the turn of a schedule."""
        assert self.before is not None
        made = super().whole
        made.load_state_dict(self.before.state)
        asked = self.course.phase(0).start - _last_phase(self.before).start
        made.state_dict()[BIASES].add_(torch.from_numpy(asked).to(self.device))
        return made

    @property
    def _class_counts(self) -> NDArray[np.int64]:
        """See `Training`; what is rare is so among all rows, and not among those that are left."""
        assert self.before is not None
        return self.before._class_counts

    @cached_property
    def course(self) -> Course:
        """See `Training`."""
        assert self.before is not None
        own = super().course
        if own.sampled.all():
            return own
        return Unbroken(own.components, own.rows, own.given, own.steps, _last_phase(self.before).drawn)


def second_stage(training: Training) -> Generator[int, None, Learnt]:
    """Do what the family says is done once the first stage is over; gives the number of images of each step.

    Returns
    -------
    ndarray, dict
        The prior that the network has learnt, and its state.
    """
    family, fit, stage = training.family, training.fit, training.family.second_stage
    prior, before = training.course.prior, training.state
    if stage.changes == "nothing":
        return prior, before
    features, first = _seen(family, before, fit)
    if isinstance(stage, Further):
        further = _continued(training, stage)
        yield from further.run()
        prior, after = further.course.prior, further.state
        _, outputs = _seen(family, after, fit)
    else:
        weight, bias = (value.numpy() for value in classifier_of(before))
        found = stage.refit(Classifier(weight, bias, prior), features, fit.rows, fit.seed)
        prior, after = found.prior, _with_classifier(before, found)
        layers = fitted_network(family.network, after, family.network.described).scores[2:]
        with torch.inference_mode():
            outputs = layers(torch.from_numpy(features)).numpy()
    fit.log.notes.append(recall_note(stage.name, fit.rows, first, outputs))
    return prior, after


def _last_phase(training: Training) -> Phase:
    return training.course.phase(training.course.steps)


def _continued(training: Training, stage: Further) -> Continued:
    fit, own = training.fit, {"epochs": stage.epochs, "learning_rate": stage.learning_rate, "frozen": stage.frozen}
    family = training.family.model_copy(update=own | {"second_stage": OneStage(), "backbone": "none"})
    rows = some_of(fit.rows, stage.kept(fit.rows))
    mixing = fit.components.mixing if _last_phase(training).effect.mixing else Unmixed()
    components = replace(fit.components, sampler=stage.sampler, schedule=Unscheduled(), mixing=mixing)
    folder = fit.folder and fit.folder / SECOND
    log = Log(tell=lambda epoch, loss: fit.log.end_epoch(loss))
    further = replace(fit, rows=rows, inputs=fit.inputs.take(rows.ids), components=components, folder=folder, log=log)
    return Continued(family, further, training)


def _seen(family: Settings, state: Mapping[str, Tensor], fit: Fit) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each row, of its image as it is: what the last layer is given, (n, d), and the outputs, (n, K)."""
    whole = fitted_network(family.network, state, family.network.described).laid_out(family.layout)
    pooled, last = whole.scores[:2], whole.scores[2:]
    features, outputs = [], []
    with torch.inference_mode():
        for start in range(0, len(fit.rows.ids), READ):
            images = fit.inputs.take(fit.rows.ids[start : start + READ]).images(family.image_size, family.resize)
            for batch, real in batches_of(images, family.layout):
                made = pooled(whole.stages(whole.normalised(batch)))[:real]
                features.append(made.numpy())
                outputs.append(last(made).numpy())
    return np.concatenate(features), np.concatenate(outputs)


def _with_classifier(state: Mapping[str, Tensor], found: Classifier) -> dict[str, Tensor]:
    """A network's state with another last layer, as `fitted_network` takes it."""
    kept = {name: value for name, value in state.items() if not name.startswith("scores.")}
    last = {"weight": torch.tensor(found.weight), "bias": torch.tensor(found.bias)}
    if found.centre is None:
        return kept | {f"scores.2.{name}": value for name, value in last.items()}
    return kept | {CENTRE: torch.tensor(found.centre)} | {f"scores.3.{name}": value for name, value in last.items()}
