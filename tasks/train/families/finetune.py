"""The whole network, trained on images: from scratch, or from pretrained weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.files import read_json, write_json
from tasks.progress import Progress
from tasks.scores import Scores
from tasks.train.families import Components, Family, Fit, Fitted, Log
from tasks.train.finetuning.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.inputs import Inputs
    from tasks.train.finetuning.whole import Whole
    from tasks.train.rows import Rows

FILE = "network.safetensors"
DESCRIBED = "network.json"
READ = 256  # images that stand in memory at a time, a multiple of those of a forward pass


class Finetune(Settings, Family):
    """Images of one size, augmented as they come; every weight learns, or those of the last stages.

    One thread: several strategies run at once.
    """

    name: Literal["finetune"] = "finetune"
    inputs: ClassVar[str] = "images"
    packages: ClassVar[tuple[str, ...]] = ("efficientnet-lite-pytorch", "safetensors", "torch")
    is_network: ClassVar[bool] = True
    begins_pretrained: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"loss", "sampler", "mixing", "schedule"})

    def needed(self) -> tuple[str, ...]:
        """See `Family`."""
        return (*self.packages, *self.network.packages)

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> FittedNetwork:
        """See `Family`."""
        [fitted] = self.fit_all([Fit(rows, inputs, components, seed, fold, log)])
        return fitted

    def fit_all(self, fits: Iterable[Fit]) -> Iterator[FittedNetwork]:
        """See `Family`; each goes on from the checkpoint in its folder, and tells how long all of them still take."""
        from tasks.train.finetuning.checkpoints import facts

        wanted = list(fits)
        left = [self.epochs - int(facts(one.folder).get("epoch", 0)) for one in wanted]
        images = sum(len(one.rows) * epochs for one, epochs in zip(wanted, left, strict=True))
        images += sum(self._images_of_second_stage(one) for one in wanted)
        steps = (step for one in wanted for step in self._steps(one))
        for step in Progress(steps, "images trained", images, size=lambda step: step if isinstance(step, int) else 0):
            if not isinstance(step, int):
                yield step

    def _images_of_second_stage(self, fit: Fit) -> int:
        """How many images it has still to train on."""
        from tasks.train.finetuning.checkpoints import facts
        from tasks.train.further import SECOND, Further

        stage = self.second_stage
        if not isinstance(stage, Further):
            return 0
        done = int(facts(fit.folder and fit.folder / SECOND).get("epoch", 0))
        return len(stage.kept(fit.rows)) * (stage.epochs - done)

    def _steps(self, fit: Fit) -> Iterator[int | FittedNetwork]:
        """The number of images of each step, and at last the fitted network."""
        from tasks.train.finetuning.second import second_stage
        from tasks.train.finetuning.training import Training

        training = Training(self, fit)
        yield from training.run()
        prior, state = yield from second_stage(training)
        yield FittedNetwork(self, prior, state, self.network.described)

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedNetwork:
        """See `Family`."""
        from safetensors.torch import load_file

        described = read_json(folder / DESCRIBED) if (folder / DESCRIBED).is_file() else {}
        return FittedNetwork(self, prior, load_file(folder / FILE), described)


@dataclass(frozen=True)
class FittedNetwork(Fitted):
    """A trained network.

    Attributes
    ----------
    state
        Its weights and counts, by the names that `Whole` has for them.
    described
        What its stages are built by (`Network.described`).
    """

    family: Settings
    prior: NDArray[np.float64]
    state: Mapping[str, Tensor]
    described: Mapping[str, Any]

    @cached_property
    def _whole(self) -> Whole:
        return self._fitted().laid_out(self.family.layout)

    def _fitted(self) -> Whole:
        from tasks.train.finetuning.whole import fitted_network

        return fitted_network(self.family.network, self.state, self.described)

    def predict(self, inputs: Inputs) -> Scores:
        """Logits, computed as float32; see `Fitted`."""
        import torch

        from tasks.train.finetuning.whole import batches_of

        torch.set_num_threads(1)
        logits = np.empty((len(inputs), len(self.prior)))
        done = 0
        with torch.inference_mode():
            for start in range(0, len(inputs), READ):
                some = inputs.take(inputs.ids[start : start + READ])
                images = some.images(self.family.image_size, self.family.resize)
                for batch, real in batches_of(images, self.family.layout):
                    logits[done : done + real] = self._whole(batch)[:real].double().numpy()
                    done += real
        return Scores("logit", logits, self.prior)

    def save(self, folder: Path) -> None:
        """See `Fitted`; safetensors, and as JSON what a model of another library is built by."""
        from safetensors.torch import save

        (folder / FILE).write_bytes(save(dict(self.state)))
        if self.described:
            write_json(folder / DESCRIBED, dict(self.described))

    def module(self) -> nn.Sequential:
        """See `Fitted`."""
        from tasks.train.finetuning.whole import as_module

        return as_module(self._fitted(), self.family.image_size, self.family.resize)
