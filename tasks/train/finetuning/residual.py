"""Residual stages for small images (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, which skips pixels and fills up channels with zeros (option A)."""

    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.stride = 1 if taken == given else 2
        self.missing = given - taken
        self.layers = nn.Sequential(
            nn.Conv2d(taken, given, 3, self.stride, 1, bias=False),
            nn.BatchNorm2d(given),
            nn.ReLU(inplace=True),
            nn.Conv2d(given, given, 3, 1, 1, bias=False),
            nn.BatchNorm2d(given),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (b, taken, y, x) to (b, given, y, x), or half as many places a side where there are more channels."""
        short = maps
        if self.missing:
            before = self.missing // 2
            skipped = nn.functional.avg_pool2d(maps, 1, self.stride)
            short = nn.functional.pad(skipped, (0, 0, 0, 0, before, self.missing - before))
        made: Tensor = self.layers(maps).add_(short).relu_()
        return made


def residual_stages(widths: Sequence[int], blocks: int) -> nn.Sequential:
    """The stages of a residual network, with weights by chance.

    Parameters
    ----------
    widths
        Channels of each stage; every stage but the first halves the picture.
    blocks
        Blocks a stage.
    """
    stem = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    taken, stages = widths[0], []
    for number, width in enumerate(widths):
        own = [Block(taken if at == 0 else width, width) for at in range(blocks)]
        stages.append(nn.Sequential(*([] if number else stem), *own))
        taken = width
    made = nn.Sequential(*stages)
    for module in made.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return made
