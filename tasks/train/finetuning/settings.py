"""What a strategy says of the training of a whole network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from tasks.errors import require_classes
from tasks.registry import OneOf, refused
from tasks.train.finetuning.augmentation import Augment
from tasks.train.last_layer import LastLayer
from tasks.train.networks import Network
from tasks.train.networks.resnet import ResNet
from tasks.train.second_stages import SecondStage
from tasks.train.second_stages.none import OneStage

if TYPE_CHECKING:
    import torch


def _some_classes(value: Any) -> Any:
    """Tell in one sentence what says which classes are meant."""
    if value in ("all", "minority") or (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        return value
    raise refused(f"{value!r} is neither all nor minority nor a list of classes; write one of them, for instance all")


class Settings(LastLayer):
    """The settings of the family `finetune`; each says what it is."""

    network: Annotated[Network, OneOf()] = Field(
        default=ResNet.model_validate({"name": "resnet"}), description="The network, with its settings."
    )
    backbone: str = Field(
        "none", description="A name of the section pretrain, with whose weights training begins; none: the network's."
    )
    image_size: int = Field(32, ge=8, le=1024, description="Pixels a side that the network sees.")
    resize: Literal["squash", "letterbox"] = Field("squash", description="How an image becomes square.")
    epochs: int = Field(30, ge=1, le=100_000, description="Rounds over as many rows as there are.")
    batch_size: int = Field(64, ge=1, le=100_000, description="Rows an optimiser step, at most.")
    learning_rate: float = Field(0.05, gt=0, le=10, description="Peak learning rate of the classifier.")
    weight_decay: float = Field(0.0005, ge=0, le=10, description="Of all weights but biases and batch norms.")
    optimiser: Literal["sgd", "adamw"] = Field("sgd", description="sgd: with Nesterov's momentum of .9.")
    learning_rate_schedule: Literal["cosine", "one_cycle"] = Field(
        "cosine", description="How the learning rate falls after it has risen."
    )
    warm_up: float = Field(0.1, ge=0, lt=1, description="Share of the steps in which the learning rate rises.")
    ema: float = Field(0.0, ge=0, lt=1, description="Decay of a moving average of the weights, a step; 0: none.")
    frozen: int = Field(0, ge=0, description="Stages that stay as they were pretrained, the first ones.")
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="The learning rate of a stage as a share of that of what comes after it."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of what is computed in training; bfloat16 is faster on many processors."
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="What trains; predictions are made on the processor.")
    processes: int = Field(
        1, ge=1, le=64, description="Processes that share out each batch: of cuda, a GPU each; changes last bits."
    )
    channels_last: bool = Field(True, description="Order of numbers in memory: faster, with other last bits.")
    augment: Augment = Field(default_factory=lambda: Augment.model_validate({}), description="Changes of each image.")
    augment_classes: Annotated[Literal["all", "minority"] | list[str], BeforeValidator(_some_classes)] = Field(
        "all", description="Whose images are changed: all, those of classes below the mean, or those named."
    )

    second_stage: Annotated[SecondStage, OneOf()] = Field(
        default_factory=OneStage, description="What is done once all rows were learnt from."
    )

    @model_validator(mode="after")
    def _fits_the_network(self) -> Settings:
        """Refuse what the network can't do."""
        network, stages = self.network, self.network.depth_in_stages
        if self.image_size < network.smallest:
            raise refused(
                f"image_size: {self.image_size} is too small for the network {network.name!r}, whose last maps would "
                f"have one place; write {network.smallest} or more"
            )
        if self.processes > 1 and self.batch_size < 2 * self.processes:
            raise refused(
                f"processes: {self.processes} can't share out batches of {self.batch_size} rows; write a batch_size of "
                f"{2 * self.processes} or more, or fewer processes"
            )
        if self.frozen and self.begins_by_chance:
            raise refused(
                f"frozen: {self.frozen}, but the network {network.name!r} starts by chance, and what is frozen would "
                "stay so; write 0"
            )
        if self.second_stage.needs_linear and self.classifier == "cosine":
            raise refused(
                f"second_stage: {{name: {self.second_stage.name}}} changes a linear layer, and classifier: cosine has "
                "none; write classifier: linear, or choose crt"
            )
        for frozen in (self.frozen, getattr(self.second_stage, "frozen", 0)):
            if stages is not None and frozen > stages:
                raise refused(
                    f"frozen: {frozen}, but the network {network.name!r} has {stages} stages; write at most that"
                )
        return self

    @property
    def begins_by_chance(self) -> bool:
        """Whether no weight was learnt before."""
        return not self.network.is_pretrained and self.backbone == "none"

    def require(self, classes: Sequence[str]) -> None:
        """See `Component`."""
        named = [] if isinstance(self.augment_classes, str) else self.augment_classes
        require_classes(named, classes, "params.yaml: family.augment_classes")

    @property
    def layout(self) -> torch.memory_format:
        """The order of numbers in memory."""
        import torch

        return torch.channels_last if self.channels_last else torch.contiguous_format
