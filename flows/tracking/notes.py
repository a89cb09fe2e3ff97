"""What people read first in MLflow: run names, and descriptions with a small table."""

from __future__ import annotations

from collections.abc import Mapping

from flows.markdown import GAP, answer, plain, table
from flows.price import Price
from flows.tracking.findings import Findings
from flows.tracking.gate import Decision
from flows.tracking.registry import decision_note
from flows.wording import bet, interval

LONGEST = 20  # rows of a table: MLflow cuts long descriptions off
EXPERIMENT_NOTE = (
    "Runs of Equipoise on one dataset. A parent is a run of the pipeline; its children are the strategies for class "
    "imbalance. `cv.*` are out-of-fold metrics of the training part, with the ends of their confidence intervals; "
    "`test.*` exists for the baseline and the recommended strategy only."
)


def parent_note(findings: Findings, prices: Mapping[str, Price], decision: Decision | None = None) -> str:
    """The description of a pipeline run: its result, leaderboard and prices, what the gate said, what went wrong."""
    board = findings.leaderboard
    lines = []
    bad = [f"`{stage}` {outcome.lower()}" for stage, outcome in findings.outcomes.items() if not findings.good(stage)]
    if bad:
        lines += [f"**Incomplete:** {', '.join(bad)}.", ""]
    if board:
        lines += [*answer(board), plain(board["test"]["sentence"]), ""]
        judged = ("strategy", _words(board["judged_by"]), "difference", "bet", "verdict")
        rows = [
            (
                name,
                interval(row["reached"]),
                interval(row["difference"], signed=True),
                bet(row["bet"]),
                row["verdict"],
                prices[name].of_time,
                prices[name].of_memory,
                prices[name].of_images,
            )
            for name, row in list(findings.rows.items())[:LONGEST]
        ]
        lines += table((*judged, "seconds", "memory", "new images"), rows, GAP)
        if len(findings.rows) > LONGEST:
            lines += ["", f"{len(findings.rows) - LONGEST} more stand in `leaderboard.json`."]
    if decision:
        lines += ["", decision_note(decision)]
    return "\n".join(lines)


def child_note(findings: Findings, strategy: str, model_page: str | None) -> str:
    """The description of a strategy's run: what it is made of, and how it did out of fold.

    `model_page` is that of the run that has the files, for a strategy that did not change.
    """
    lines = [_made_of(findings, strategy), ""]
    if model_page:
        lines += [f"Nothing changed, so it was not trained again. Its files are in [an earlier run]({model_page}).", ""]
    row = findings.rows.get(strategy)
    if row and row["difference"]:
        lines += [f"**{row['verdict']}**: {interval(row['difference'], signed=True)} to the baseline.", ""]
    elif row:
        lines += ["This is the **baseline**.", ""]
    if row and row["audit"]["difference"]:
        lines += [f"Audit: {plain(row['audit']['reason'])}.", ""]
    metrics = findings.metrics.get(strategy, {})
    names = {name: _words(name) for name in metrics if "." not in name}
    names |= {f"recall.{label}": f"recall of {_words(label)}" for label in findings.class_slugs}
    if metrics:
        rows = [(words, interval(metrics[name])) for name, words in names.items()]
        lines += table(("out of fold", ""), rows, GAP)
    return "\n".join(lines)


def _made_of(findings: Findings, strategy: str) -> str:
    """What a strategy is made of, or an ensemble, as a sentence."""
    params = findings.params
    if strategy in params.ensembles:
        members = ", ".join(f"`{member}`" for member in params.ensembles[strategy].members)
        return f"An ensemble of {members}: the mean of their {params.ensembles[strategy].of}."
    chosen = params.strategies[strategy]
    of = {key: one.name for key, one in chosen.components.items()}
    made = {"recipe": chosen.recipe, **of, "backbone": chosen.family.backbone}
    return ", ".join(f"{key} `{name}`" for key, name in made.items()) + "."


def _words(name: str) -> str:
    """A name as it may stand in a table of a description."""
    return plain(name.replace("_", " "))
