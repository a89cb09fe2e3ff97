"""Post-hoc rules that have not seen the images whose scores they adjust (rule 8)."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.scores import Scores
from tasks.train.posthoc import PostHoc
from tasks.train.rounds import Round


def cross_fitted(posthoc: PostHoc, rounds: Sequence[Round], raw: Sequence[Scores]) -> list[PostHoc]:
    """The rule of each round: for a fold fitted on the scores of the repeat's other folds, for the last on all.

    Parameters
    ----------
    posthoc
        The rule, for the classes.
    rounds
        Of all repeats and folds, and the one of all training rows.
    raw
        Of each round the scores of its unseen rows, as the models give them.
    """

    def fit(among: list[int]) -> PostHoc:
        return posthoc.fit([raw[at] for at in among], [rounds[at].targets for at in among])

    folds = [at for at, one in enumerate(rounds) if one.fold is not None]
    return [
        fit([at for at in folds if one.fold is None or (rounds[at].repeat == one.repeat and rounds[at] is not one)])
        for one in rounds
    ]
