"""Methods: how a network learns without labels, by what two changed views of an image have in common.

A new one is one new file here. It says which layers stand between the features and the loss, and the loss of a batch;
epochs, steps, checkpoints and files are the stage's concern.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tasks.pretrain.network import AnyNetwork
from tasks.registry import Component
from tasks.train.finetuning.augmentation import Augment
from tasks.train.networks.resnet import ResNet

if TYPE_CHECKING:
    from torch import Tensor, nn


class Method(Component):
    """A way of learning without labels, and all that its fits need."""

    kind: ClassVar[str] = "method"

    network: AnyNetwork = Field(
        default=ResNet.model_validate({"name": "resnet"}), description="The network, with its settings."
    )
    image_size: int = Field(32, ge=32, le=1024, description="Pixels a side that the network sees.")
    resize: Literal["squash", "letterbox"] = Field("squash", description="How an image becomes square.")
    per_fold: bool = Field(
        True, description="Whether each fold has a network of its own; false: one for all, which has seen every fold."
    )
    epochs: int = Field(50, ge=1, le=100_000, description="Rounds over the images.")
    batch_size: int = Field(128, ge=4, le=100_000, description="Images an optimiser step, at most; two views of each.")
    learning_rate: float = Field(0.002, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.0001, ge=0, le=10, description="Of all weights but biases and batch norms.")
    warm_up: float = Field(0.1, ge=0, lt=1, description="Share of the steps in which the learning rate rises.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of what is computed in training; bfloat16 is faster on many processors."
    )
    augment: Augment = Field(
        default_factory=lambda: Augment.model_validate({"shift": 0.0, "crop": 0.2, "colour": 0.4, "grey": 0.2}),
        description="What makes a view of an image; settings that aren't named are those of family finetune.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of every random choice of this stage.")
    recipes: list[str] | None = Field(
        None, description="Recipes whose new images get features from it; null: all of them."
    )

    @model_validator(mode="after")
    def _large_enough(self) -> Self:
        if self.image_size < self.network.smallest:
            why = (
                f"image_size: {self.image_size} is too small for the network {self.network.name!r}, whose last maps "
                f"would have one place; write {self.network.smallest} or more"
            )
            raise PydanticCustomError("combination", "{message}", {"message": why})
        return self

    @abstractmethod
    def projection(self, channels: int) -> nn.Module:
        """What stands between features, (n, channels), and the loss; thrown away when training ends.

        Weights come from torch's global generator, which the caller has seeded.
        """

    @abstractmethod
    def loss(self, one: Tensor, other: Tensor) -> Tensor:
        """The loss of every image, shape (n,).

        Parameters
        ----------
        one, other
            Projections of the first and of the second view of each image, float32, (n, p), n at least 2.
        """
