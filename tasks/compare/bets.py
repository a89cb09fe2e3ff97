"""The best bet: which strategy to take if one must choose today, though the data prove nothing, or prove it of several.

What is expected of a strategy is shrunk for having been picked as the best of many (`tasks.statistics.shrinkage`). A
guard keeps out what is paid for by a class that matters. Of what is left the one of the largest expected gain is the
best bet; where one that is proved to help, or else a simpler one, is nearly as good, that one is recommended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.statistics.interval import DECIMALS
from tasks.statistics.shrinkage import probable_differences

SURE_ENOUGH = 2 / 3  # a smaller chance of being better is no reason to leave the simpler strategy


@dataclass(frozen=True)
class Bet:
    """What one may expect of a strategy instead of the baseline, in the judged metric.

    Attributes
    ----------
    chance
        That it is better.
    gain
        Expected difference.
    loss
        Expected difference if it is worse, 0 or below.
    """

    chance: float
    gain: float
    loss: float

    def as_json(self) -> dict[str, float]:
        """The three numbers, rounded, under the names that all reports use."""
        numbers = {"chance": self.chance, "expected_gain": self.gain, "expected_loss": self.loss}
        return {name: round(number, DECIMALS) for name, number in numbers.items()}


@dataclass(frozen=True)
class Choice:
    """Which strategy to take.

    Attributes
    ----------
    bets
        By strategy; the baseline has none.
    best
        The best bet; the baseline where none has a gain to expect.
    recommended
        Among the best bet and those that it doesn't beat with a chance of `SURE_ENOUGH` the simplest of those that are
        proved to help; where none is, the baseline if it is among them, else the simplest. None of them is expected to
        be worse than the baseline.
    peers
        The others of them, the most promising first.
    """

    bets: dict[str, Bet]
    best: str
    recommended: str
    peers: list[str]


def choose(
    names: Sequence[str],
    values: np.ndarray,
    draws: np.ndarray,
    baseline: str,
    simplest_first: Sequence[str],
    refused: Collection[str] = (),
    proved: Collection[str] = (),
    seed: int = 0,
) -> Choice:
    """Weigh strategies against the baseline.

    Parameters
    ----------
    names
        The m strategies beside the baseline.
    values, draws
        Shape (m,) and (m, B): their differences to the baseline, on the data and on each bootstrap draw.
    baseline
        Its name.
    simplest_first
        All strategies, see `tasks.compare.simplicity`.
    refused
        Strategies that are not recommended, whatever is to be expected of them.
    proved
        Strategies that are proved to help.
    seed
        Of the draws from what is probable.
    """
    probable = probable_differences(values, draws, seed) if len(names) else np.empty((0, 1))
    truth: Mapping[str, np.ndarray] = {baseline: np.zeros(probable.shape[1]), **dict(zip(names, probable, strict=True))}
    bets = {name: _bet(truth[name]) for name in names}
    open_to = [baseline, *(name for name in names if name not in refused)]
    expected = {name: float(truth[name].mean()) for name in open_to}
    best = max(open_to, key=lambda name: (expected[name], name == baseline, -simplest_first.index(name)))
    alike = [name for name in open_to if name == best or _is_as_good(truth[name], truth[best])]
    recommended = min(alike, key=lambda name: (name not in proved, name != baseline, simplest_first.index(name)))
    peers = sorted((name for name in alike if name != recommended), key=lambda name: (-expected[name], name))
    return Choice(bets, best, recommended, peers)


def _is_as_good(truth: np.ndarray, of_best: np.ndarray) -> bool:
    """Whether the best bet is hardly surer than another, which isn't expected to be worse than the baseline itself."""
    return bool(truth.mean() >= 0 and (of_best > truth).mean() < SURE_ENOUGH)


def _bet(truth: np.ndarray) -> Bet:
    worse = truth[truth < 0]
    return Bet(float((truth > 0).mean()), float(truth.mean()), float(worse.mean()) if len(worse) else 0.0)
