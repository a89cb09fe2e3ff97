"""Whether generated images pay: against the same strategy with copies and changed images, and against no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.compare.generated import worth
from tasks.evaluate.scored import Scored
from tasks.params.models import Evaluate, Params
from tasks.params.presets import with_preset
from tasks.params.reading import check_params, parse_yaml

FILE = Path("params.yaml")
ROOT = Path(__file__).parents[2]
PRESET = with_preset((ROOT / "params.yaml").read_text(), "synthesis", FILE).text
ROWS = {
    **dict.fromkeys(["copied_more", "augmented_more", "synthetic", "synthetic_augmented"], 1000),
    **{"natural": 600, "synthetic_quarter": 700, "synthetic_half": 790},
}
JUDGED = np.ones(2, dtype=bool)


def params(text: str = PRESET) -> Params:
    return check_params(parse_yaml(text, FILE), FILE)


def scored(right: float, seed: int = 0) -> Scored:
    """Predictions for 200 images of either class, of which a share is right."""
    labels = np.repeat([0, 1], 200)
    hit = np.random.default_rng(seed).permutation(np.arange(400) < right * 400)
    decided = np.where(hit, labels, 1 - labels)
    return Scored(["a", "b"], np.arange(400), labels, np.arange(400), np.eye(2)[decided][None])


def told(given: Params, **shares: float) -> list[str]:
    found = {name: scored(shares.get(name, 0.7), number) for number, name in enumerate(given.strategies)}
    return worth(given, found, given.compare.goal, Evaluate(draws=300), JUDGED, ROWS)


@pytest.mark.parametrize(
    ("generated", "copied", "augmented", "verdict"),
    [
        (0.95, 0.6, 0.6, "Generated images pay here"),
        (0.6, 0.6, 0.95, "Generated images don't pay here"),
        (0.95, 0.6, 0.95, "Nothing shows that generated images pay here"),
    ],
)
def test_generated_images_pay_where_they_beat_copies_and_changed_images(
    generated: float, copied: float, augmented: float, verdict: str
) -> None:
    sentences = told(params(), synthetic=generated, copied=copied, augmented=augmented)
    of = {name: line for line in sentences for name in params().strategies if f": {name} differs" in line}
    assert set(of) == {"synthetic", "synthetic_augmented"}  # a part of the curve has fewer rows than copies
    assert of["synthetic"].startswith(f"{verdict}: synthetic differs from copied by ")
    assert generated == copied or f"copied by {generated - copied:+.3f} (" in of["synthetic"]
    assert generated == augmented or f"augmented by {generated - augmented:+.3f} (" in of["synthetic"]
    assert "95 % intervals" in of["synthetic"]


def test_without_copies_or_changed_images_it_is_open_and_that_is_said() -> None:
    given = params()
    strategies: dict[str, Any] = {name: one for name, one in given.strategies.items() if name in ("plain", "synthetic")}
    sentences = told(given.model_copy(update={"strategies": strategies}))
    assert len(sentences) == 1
    assert "is open: no strategy has as many copies" in sentences[0]
    assert "equipoise preset synthesis" in sentences[0]


def test_nothing_is_said_where_nothing_is_generated() -> None:
    assert told(params((ROOT / "params.yaml").read_text())) == []
