"""The rule of a strategy: how its scores become probabilities and a decision.

The stage `evaluate` fits it on out-of-fold scores and writes it; whoever uses the model, here or elsewhere, takes it
along. What is said of the strategy itself was decided by rules of the other folds (`tasks.evaluate.deciding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks import scores
from tasks.calibration import Calibration
from tasks.errors import InputError
from tasks.files import read_json
from tasks.goals import Goal
from tasks.registry import components


@dataclass(frozen=True, eq=False)
class Rule:
    """How scores of one strategy are read.

    Attributes
    ----------
    classes
        The K names, in the order of the scores.
    kind
        Of the scores, see `tasks.scores`.
    goal
        What is wanted.
    calibration
        None where scores are no probabilities.
    cutoff
        From which evidence on an image is taken for the goal's class; None for a goal without one.
    predictions
        SHA-256 of the file of the predictions that it was fitted to, which the model that made them keeps as well;
        empty where that is not known.
    """

    classes: list[str]
    kind: str
    goal: Goal
    calibration: Calibration | None
    cutoff: float | None
    predictions: str = ""

    @classmethod
    def fit(
        cls,
        values: NDArray[np.float64],
        labels: NDArray[np.int64],
        classes: Sequence[str],
        kind: str,
        goal: Goal,
        mix: NDArray[np.float64] | None = None,
    ) -> Rule:
        """Fit to scores of images that the model has not seen.

        Parameters
        ----------
        values
            Shape (m, K); an image may stand there several times, once a fit.
        labels
            Shape (m,), 0 to K - 1.
        classes, kind, goal
            See the attributes.
        mix
            Shape (K,): the class shares where the model will be used; None: those of the images.

        Raises
        ------
        InputError
            The goal names a class that there isn't, or needs probabilities that the scores don't give.
        """
        goal.require(classes)
        calibration = None
        if scores.has_probabilities(kind):
            calibration = Calibration.fit(values, labels)
            calibration = calibration if mix is None else calibration.for_mix(mix)
        elif goal.costs(classes) is not None:
            raise InputError(
                "params.yaml: compare.goal: expected_cost needs probabilities, and anomaly scores are none; take "
                "recall_at_precision, or leave strategies of anomalies out"
            )
        rule = cls(list(classes), kind, goal, calibration, None)
        if goal.of_class is None:
            return rule
        code = rule.classes.index(goal.of_class)
        return cls(rule.classes, kind, goal, calibration, goal.cutoff(rule._of_goal(values), labels == code))

    def log_probabilities(self, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Corrected log-probabilities of `values`, both of shape (..., n, K); None where scores are none."""
        return None if self.calibration is None else np.log(self.calibration.probabilities(values))

    def of_data(self) -> Rule:
        """The same for the class shares of the images that it was fitted to, whatever those are where it is used."""
        known = self.calibration
        return self if known is None else replace(self, calibration=known.for_mix(known.shares))

    def probabilities(self, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Corrected probabilities of `values`, both of shape (..., n, K); None where scores are none."""
        return None if self.calibration is None else self.calibration.probabilities(values)

    def decide(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """The decisions for `values` of shape (..., n, K): codes of classes, shape (..., n)."""
        chosen = scores.decisions(values)
        costs = self.goal.costs(self.classes)
        if costs is not None and self.calibration is not None:
            cheapest: NDArray[np.int64] = (self.calibration.probabilities(values) @ costs).argmin(axis=-1)
            return cheapest
        if self.goal.of_class is None or self.cutoff is None:
            return chosen
        code = self.classes.index(self.goal.of_class)
        others = values.copy()
        others[..., code] = -np.inf
        return np.where(self._of_goal(values) >= self.cutoff, code, scores.decisions(others))

    def _of_goal(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """That for the goal's class, shape (..., n)."""
        return self.evidence(values)[..., self.classes.index(str(self.goal.of_class))]

    def evidence(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What tells how much an image looks like each class, of the same shape as `values`, (..., n, K).

        Corrected log-odds of the class against the rest; anomaly scores are taken as they are.
        """
        logs = self.log_probabilities(values)
        return scores.ranking(values, self.kind) if logs is None else scores.ranking(logs, "log_probability")

    def as_json(self) -> dict[str, Any]:
        """All that `read` needs."""
        return {
            "classes": self.classes,
            "kind": self.kind,
            "goal": self.goal.model_dump(mode="json"),
            "calibration": self.calibration and self.calibration.as_json(),
            "cutoff": self.cutoff,
            "predictions": self.predictions,
        }

    @classmethod
    def read(cls, path: Path) -> Rule:
        """Read what was written as JSON (`InputError` where it is missing)."""
        if not path.is_file():
            raise InputError(f"{path}: no such rule; `equipoise run evaluate` makes it")
        facts = read_json(path)
        goal = components("tasks.goals")[facts["goal"]["name"]].model_validate(facts["goal"])
        calibration = facts["calibration"] and Calibration.from_json(facts["calibration"])
        predictions = facts.get("predictions", "")  # earlier versions did not say
        return cls(facts["classes"], facts["kind"], goal, calibration, facts["cutoff"], predictions)
