"""The leaderboard: a row a strategy, as JSON for the terminal and as a table for everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from tasks.compare.audits import Audited
from tasks.compare.comparison import Comparison
from tasks.compare.heldout import Confirmation
from tasks.compare.next_steps import Step
from tasks.compare.reason import is_proved, sentences
from tasks.goals import JUDGED
from tasks.params.models import COMPONENTS, Params
from tasks.statistics.interval import DECIMALS, Interval
from tasks.tables import Table

MEASURES = ("balanced_accuracy", "macro_f1", "recall_rarest")
DIFFERENCE = ("difference", "difference_low", "difference_high", "p_value")
BET = ("chance", "expected_gain", "expected_loss")

LEADERBOARD = Table(
    "leaderboard",
    pa.schema(
        [
            pa.field("rank", pa.int32(), nullable=False),
            *(pa.field(name, pa.string(), nullable=False) for name in ("strategy", "recipe", *COMPONENTS, "verdict")),
            pa.field("recommended", pa.bool_(), nullable=False),
            *(
                pa.field(f"{name}{end}", pa.float64(), nullable=False)
                for name in MEASURES
                for end in ("", "_low", "_high")
            ),
            # Empty for the baseline, the last three also where no two classes can be measured.
            *(
                pa.field(name, pa.float64())
                for name in (*(f"difference{end}" for end in ("", "_low", "_high")), "p_value")
            ),
            *(pa.field(name, pa.float64()) for name in BET),
        ]
    ),
    key=("strategy",),
    folder="reports/compare",
)


def leaderboard(
    comparison: Comparison,
    confirmation: Confirmation,
    params: Params,
    audits: Mapping[str, Audited],
    steps: Sequence[Step],
) -> dict[str, Any]:
    """All that the terminal prints, ready for JSON.

    Returns
    -------
    dict
        `metric`, `goal`, `judged_by` (the metric in words), `baseline`, `recommended`, `sentences` (what to take, and
        why), `next` (what to do next, each a `sentence` and a `command`), `rarest_class`, `judged_classes`,
        `not_measurable` (groups by class), `confidence`, `margin`; `rows`, best first, each with the names of the
        strategy's components and of its family's `backbone`, `members` (of an ensemble, whose other names are all of
        theirs), `balanced_accuracy`, `macro_f1` (both over the
        `judged_classes`), `recall_rarest`, `reached` (in the goal's metric) and `difference` (null for the baseline)
        as {value, low, high}, its `p_value`, `bet` (`chance`, `expected_gain`, `expected_loss`), `verdict`, and
        `audit` (`outcome`, `reason`, `difference`); and `test`: `images`, `rows` of the one or two strategies that
        were scored, their `difference`, `outcome` and a `sentence`.
    """
    rows = [
        {
            **_made_of(params, name),
            **judged(comparison, name),
            "audit": audits[name].as_json(),
        }
        for name in comparison.ranked
    ]
    test_rows = [
        {
            "strategy": name,
            **measures(one.metrics, comparison.rarest),
            "reached": one.metrics[comparison.goal.metric].as_json(),
        }
        for name, one in confirmation.evaluations.items()
    ]
    return {
        **concluded(comparison),
        "next": [step.as_json() for step in steps],
        "rows": rows,
        "test": {
            "images": confirmation.images,
            "rows": test_rows,
            "difference": confirmation.difference.as_json() if confirmation.difference else None,
            "outcome": confirmation.outcome,
            "sentence": confirmation.sentence,
        },
    }


def _made_of(params: Params, name: str) -> dict[str, Any]:
    """The names of what a strategy is made of; of an ensemble those of all its members, and who these are."""
    parts = [
        {
            "recipe": one.recipe,
            **{key: component.name for key, component in one.components.items()},
            "backbone": one.family.backbone,
        }
        for one in params.made_of(name).values()
    ]
    named = {key: " + ".join(dict.fromkeys(part[key] for part in parts)) for key in parts[0]}
    members = params.ensembles[name].members if name in params.ensembles else []
    return named | {"members": members}


def concluded(comparison: Comparison) -> dict[str, Any]:
    """What a leaderboard says beside its rows."""
    return {
        "metric": comparison.goal.metric.removeprefix(JUDGED),
        "goal": comparison.goal.model_dump(mode="json"),
        "judged_by": comparison.goal.label,
        "baseline": comparison.baseline,
        "recommended": comparison.recommended,
        "peers": comparison.peers,
        "proved": is_proved(comparison),
        "guard": {"recall_of": comparison.guard.label, "may_fall": comparison.guard.may_fall},
        "sentences": sentences(comparison),
        "rarest_class": comparison.rarest,
        "judged_classes": comparison.judged,
        "not_measurable": comparison.not_measurable,
        "confidence": comparison.confidence,
        "margin": round(comparison.margin, DECIMALS),
    }


def judged(comparison: Comparison, name: str) -> dict[str, Any]:
    """How a strategy did: its measures, the difference to the baseline (null for itself), the verdict."""
    difference, bet = comparison.differences.get(name), comparison.bets.get(name)
    return {
        "strategy": name,
        **measures(comparison.metrics[name], comparison.rarest),
        "reached": comparison.reached(name).as_json(),
        "difference": difference.as_json() if difference else None,
        "p_value": round(difference.p_value, DECIMALS) if difference else None,
        "bet": bet.as_json() if bet else None,
        "guarded": name in comparison.guard.refused,
        "verdict": comparison.verdicts[name],
    }


def measures(metrics: Mapping[str, Interval], rarest: str) -> dict[str, dict[str, float]]:
    """The three measures that leaderboards show."""
    return {
        "balanced_accuracy": metrics[JUDGED + "balanced_accuracy"].as_json(),
        "macro_f1": metrics[JUDGED + "macro_f1"].as_json(),
        "recall_rarest": metrics[f"recall.{rarest}"].as_json(),
    }


def leaderboard_table(board: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a leaderboard as the table `LEADERBOARD`."""
    rows = []
    for rank, row in enumerate(board["rows"], start=1):
        flat = {name: row[name] for name in ("strategy", "recipe", *COMPONENTS, "verdict")}
        for name in (*MEASURES, "difference"):
            numbers = row[name] or {"value": None, "low": None, "high": None}
            flat |= {name: numbers["value"], f"{name}_low": numbers["low"], f"{name}_high": numbers["high"]}
        bet = row["bet"] or {}
        flat |= {"p_value": row["p_value"], **{name: bet.get(name) for name in BET}}
        rows.append({"rank": rank, "recommended": row["strategy"] == board["recommended"], **flat})
    return pd.DataFrame(rows).astype(dict.fromkeys((*DIFFERENCE, *BET), "float64"))
