"""Prefect artifacts of a run: class counts before and after, the leaderboard, and where to read on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.costs import costs
from flows.leaderboard import columns, read_leaderboard
from flows.markdown import answer, plain, table
from flows.price import Price, price_sentence, prices_of
from flows.wording import bet, interval
from tasks.files import read_json


def publish(root: Path, mlflow_url: str | None, *, verdicts: bool) -> None:
    """Publish what the stages found as artifacts of the current flow run.

    Parameters
    ----------
    root
        The project's folder.
    mlflow_url
        The run's page in MLflow, if it has one.
    verdicts
        Whether the leaderboard that stands there is of this run.
    """
    counts = _class_counts(root)
    if counts:
        create_table_artifact(key="class-counts", table=counts, description="Training images a class, before and after")
    leaderboard = read_leaderboard(root) if verdicts else None
    if leaderboard:
        found = prices_of(root, leaderboard, costs(root))
        create_markdown_artifact(
            key="leaderboard",
            markdown=leaderboard_markdown(leaderboard, found),
            description=leaderboard["sentences"][0],
        )
    report = root / "reports" / "compare" / "report.html"
    lines = [f"- Report: {plain(str(report))}"] if report.exists() else []
    lines.append(f"- MLflow run: [{mlflow_url}]({mlflow_url})" if mlflow_url else "- MLflow: start `equipoise ui`")
    create_markdown_artifact(key="links", markdown="\n".join(lines), description="Where to read on")


def _class_counts(root: Path) -> list[dict[str, Any]]:
    """A row a recipe and class: images before, after, and after by origin."""
    rows = []
    for path in sorted((root / "data" / "balanced").glob("*/summary.json")):
        summary = read_json(path)
        for name, before in summary["before"].items():
            after = summary["after"].get(name, {})
            row = {"recipe": path.parent.name, "class": name, "before": before, "after": sum(after.values())}
            rows.append(
                {**row, "made of": ", ".join(f"{number} {origin}" for origin, number in after.items() if number)}
            )
    return rows


def leaderboard_markdown(board: dict[str, Any], found: dict[str, Price]) -> str:
    """The leaderboard as a Markdown table; names from data can't break out of a cell."""
    shown = columns(board)
    # The verdict stands where a narrow page doesn't cut it off.
    head = [
        "strategy",
        "verdict",
        *shown.values(),
        f"difference to {board['baseline']}",
        "bet",
        "seconds",
        "memory",
        "new images",
    ]
    rows = []
    for row in board["rows"]:
        price = found[row["strategy"]]
        cells = [row["strategy"], row["verdict"], *(interval(row[key]) for key in shown)]
        cells += [interval(row["difference"], signed=True), bet(row["bet"])]
        cells += [price.of_time, price.of_memory, price.of_images]
        rows.append(list(map(plain, cells)))
    told = [plain(price_sentence(board, found)), "", plain(board["test"]["sentence"])]
    return "\n".join([*answer(board), *table(list(map(plain, head)), rows), "", *told])
