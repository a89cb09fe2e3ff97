"""A torchvision that was built for another torch, as it comes beside a torch for processors alone.

`timm` imports it, `transformers` does where it is installed, and `diffusers` imports that. Its compiled operators can't
be loaded then, and its import fails at the first of them, though none of the three needs any.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec

OPERATORS = ("nms", "qnms")  # those that its import asks for
TAKES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def mend_torchvision() -> None:
    """Declare the operators that torchvision's import asks for, if it is there and fails without them."""
    if find_spec("torchvision") is None:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            return
        import torch

        for name in OPERATORS:
            torch.library.define(f"torchvision::{name}", TAKES)
        for name in [one for one in sys.modules if one.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
