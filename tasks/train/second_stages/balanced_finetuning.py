"""All rows first, then class-balanced draws at a low learning rate.

Cui, Song, Sun, Howard and Belongie, Large Scale Fine-Grained Categorization and Domain-Specific Transfer Learning, CVPR
2018, section 3.3, who fine-tune on a balanced subset; here every row may be drawn.
"""

from __future__ import annotations

from typing import Literal

from tasks.train.further import Further
from tasks.train.samplers import Sampler
from tasks.train.samplers.class_balanced import ClassBalanced


class BalancedFinetuning(Further):
    """Every class has the same share of the draws; the prior is that of them, under the strategy's loss."""

    name: Literal["balanced_finetuning"] = "balanced_finetuning"

    @property
    def sampler(self) -> Sampler:
        """See `Further`."""
        return ClassBalanced()
