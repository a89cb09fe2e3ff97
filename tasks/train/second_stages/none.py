"""No second stage."""

from __future__ import annotations

from typing import Literal

from tasks.train.second_stages import SecondStage


class OneStage(SecondStage):
    """What was learnt stays as it is."""

    name: Literal["none"] = "none"
