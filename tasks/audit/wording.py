"""What an audit says in sentences: what it measured, why it could not, what it does not look at."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tasks.audit.effect import Effect
from tasks.decimals import signed, signed_end
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import CONFIDENCE


def why_not(balanced: pd.DataFrame, images: pd.DataFrame) -> str | None:
    """Why the effect on predictions can't be measured, if so."""
    if not (balanced["origin"] == "augmented").any():
        return "its new images are not made by transforms of one image, which alone can be applied to other images"
    groups = images["group"].nunique()
    if groups < FEWEST_GROUPS:
        return (
            f"too few images of {images['label'].iloc[0]}, {len(images):,} in {groups} groups of relatives, where "
            f"{FEWEST_GROUPS} are needed"
        )
    return None


def notes(balanced: pd.DataFrame) -> list[str]:
    """What of a recipe no audit looks at."""
    origins = set(balanced["origin"])
    said = {
        "mixed": "Mixed images are not audited, only the recipe's transforms.",
        "synthetic": "Synthetic images can't be audited: no generator makes them from a given image.",
    }
    return [sentence for origin, sentence in said.items() if origin in origins]


def reason(outcome: str, found: Effect, audited: str, minority: Sequence[str], images: int, limit: float) -> str:
    """What was measured, as a sentence."""
    it, share = found.difference, minority[0] if len(minority) == 1 else "a minority"
    return (
        f"{outcome}: {images:,} unseen images of {audited} are taken for {share} in {found.untouched.value:.1%} of "
        f"cases, and in {found.changed.value:.1%} once changed as the recipe does: {signed(it.value)} "
        f"({CONFIDENCE:.0%} interval {signed_end(it.low, limit)} to {signed_end(it.high, limit)}, limit {limit:g})"
    )
