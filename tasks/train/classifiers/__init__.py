"""Classifiers of scikit-learn and its kin, for the family `classical`. A new one is one new file here."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from tasks.registry import Component


class Classifier(Component):
    """A classifier with `fit(X, y, sample_weight)` and `predict_proba(X)`, and how it is set up.

    Attributes
    ----------
    trusted
        Types that its saved form holds beside those that skops knows, and that are safe to load: none executes code of
        the file.
    """

    kind: ClassVar[str] = "classifier"
    trusted: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make(self, seed: int) -> Any:
        """An unfitted classifier on one thread, all of whose chance comes from `seed`."""
