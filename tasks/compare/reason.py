"""Why a strategy is recommended, in a few short sentences."""

from __future__ import annotations

from tasks.compare.comparison import Comparison
from tasks.compare.verdicts import HELPS, UNCLEAR
from tasks.compare.wording import LABELS, at_level, listed
from tasks.decimals import decimal
from tasks.statistics.groups import FEWEST_GROUPS


def reason(found: Comparison) -> str:
    """Why this strategy is recommended, in a few short sentences."""
    return _recommendation(found) + _audit(found)


def _audit(found: Comparison) -> str:
    """What the audits change about it, in a sentence."""
    held = [name for name in found.shortcuts if name != found.baseline]
    said = ""
    if held:
        verb = "is" if len(held) == 1 else "are"
        said += f" {listed(held)} {verb} held back: traces of augmentation move predictions."
    if found.baseline in found.shortcuts:
        said += f" The baseline, {found.baseline}, reads traces of augmentation itself: compare with another."
    return said


def _recommendation(found: Comparison) -> str:
    label, others = LABELS[found.metric], len(found.differences)
    if not others:
        return f"{found.baseline} is the only strategy, so there is nothing to choose."
    if found.too_small:
        return (
            f"Keep {found.baseline}: too few images of {found.too_small} to tell what helps. It needs "
            f"{FEWEST_GROUPS} training images that are no relatives of each other."
        )
    if found.recommended == found.baseline:
        doubts = sum(judged == UNCLEAR for judged in found.verdicts.values())
        tail = f"; of {doubts} the data can't tell" if doubts else ""
        return (
            f"Keep {found.baseline}: none of the {others} other strategies is certain to raise {label} by an amount "
            f"that matters{tail}."
        )
    gain = found.differences[found.recommended]
    return (
        f"{found.recommended} raises {label} by {decimal(gain.value)} over {found.baseline} "
        f"({at_level(gain, found.confidence)}). {_choice(found)}"
    )


def _choice(found: Comparison) -> str:
    """Why this one of those that help, in a sentence."""
    helpful = [name for name in found.ranked if found.verdicts[name] == HELPS]
    if len(helpful) == 1:
        return "It is the only one that helps."
    if not found.peers:
        return f"It is the best of the {len(helpful)} that help."
    best, others = helpful[0], [name for name in found.peers if name != helpful[0]]
    if best == found.recommended:
        return f"{listed(others)} can't be told apart from it; it is the simplest of them."
    also = f" or from {listed(others)}" if others else ""
    return f"The best, {best}, can't be told apart from it{also}; {found.recommended} is the simplest of them."
