"""Evaluations as files: for people, for the stage `compare`, for MLflow, and for `dvc metrics` and `dvc plots`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.errors import InputError
from tasks.evaluate.evaluation import Evaluation
from tasks.evaluate.figures import draw
from tasks.evaluate.intervals import OVERALL, RANKING
from tasks.files import write_json
from tasks.lettering import stand_ins
from tasks.page import save_png
from tasks.rules import Rule
from tasks.statistics.interval import DECIMALS, Interval
from tasks.tables import Table

METRICS = Table(
    "metrics",
    pa.schema(
        [
            pa.field("strategy", pa.string(), nullable=False),
            pa.field("metric", pa.string(), nullable=False),
            pa.field("value", pa.float64(), nullable=False),
            pa.field("low", pa.float64(), nullable=False),
            pa.field("high", pa.float64(), nullable=False),
        ]
    ),
    key=("strategy", "metric"),
    folder="reports/evaluate",
)


def write_evaluations(evaluations: dict[str, Evaluation], folder: Path) -> None:
    """Write the tables of all strategies below `folder`.

    - ``metrics.json``: {strategy: {metric: {value, low, high}}}; ``metrics.parquet``: the same, a row a metric.
    - ``summary/<strategy>.json``: {metric: value} of the overall metrics and the recalls, so that
      ``dvc metrics show`` prints a row a strategy.
    - ``confusion.csv``, ``pr.csv``, ``roc.csv``, ``calibration.csv``: all strategies, with intervals.
    - ``operating.csv``, ``mixes.csv``: all strategies, see `tasks.evaluate.operating` and `tasks.evaluate.mixes`.
    - ``confusion/<strategy>.csv``: a row an image under the first fit, for DVC's own confusion template.
    - ``rules/<strategy>.json``: see `tasks.rules`.
    """
    metrics = {
        strategy: {name: interval.as_json() for name, interval in one.metrics.items()}
        for strategy, one in evaluations.items()
    }
    write_json(folder / "metrics.json", metrics)
    rows = [
        {"strategy": strategy, "metric": name, **numbers}
        for strategy, of_one in metrics.items()
        for name, numbers in of_one.items()
    ]
    METRICS.write(pd.DataFrame(rows), folder / METRICS.file)
    for strategy, of_one in metrics.items():
        shown = [name for name in of_one if name in (*OVERALL, *RANKING) or name.startswith("recall.")]
        write_json(folder / "summary" / f"{strategy}.json", {name: of_one[name]["value"] for name in shown})

    _write_csv({name: one.confusion for name, one in evaluations.items()}, folder / "confusion.csv")
    _write_csv({name: one.reliability for name, one in evaluations.items()}, folder / "calibration.csv")
    precision = ["class", "recall", "precision", "precision_low", "precision_high"]
    _write_csv({name: one.curves[precision] for name, one in evaluations.items()}, folder / "pr.csv")
    alarms = ["class", "false_positive_rate", "recall", "false_positive_rate_low", "false_positive_rate_high"]
    _write_csv({name: one.curves[alarms] for name, one in evaluations.items()}, folder / "roc.csv")

    _write_csv({name: one.operating for name, one in evaluations.items()}, folder / "operating.csv")
    _write_csv({name: one.mixes for name, one in evaluations.items()}, folder / "mixes.csv")
    for strategy, one in evaluations.items():
        if one.rule is not None:
            write_json(folder / "rules" / f"{strategy}.json", one.rule.as_json())

    (folder / "confusion").mkdir()
    for strategy, one in evaluations.items():
        one.decisions.to_csv(folder / "confusion" / f"{strategy}.csv", index=False, lineterminator="\n")


def write_plots(evaluation: Evaluation, strategy: str, folder: Path) -> None:
    """Write confusion.png, precision_recall.png, roc.png and, of probabilities, calibration.png into `folder`.

    Where they can't show the name of a class whole, names.json says what stands in its place.
    """
    folder.mkdir(parents=True)
    for name, figure in draw(evaluation, strategy).items():
        save_png(figure, folder / f"{name}.png")
    if told := stand_ins(evaluation.classes):
        write_json(folder / "names.json", {name: shown for shown, name in told})


def _write_csv(frames: dict[str, pd.DataFrame], path: Path) -> None:
    """Write the frames below each other, the strategy in the first column."""
    frame = pd.concat(frames, names=["strategy"]).reset_index(level="strategy")
    frame.round(DECIMALS).to_csv(path, index=False, lineterminator="\n")


@dataclass(frozen=True)
class Evaluated:
    """What the stage wrote, as the stage `compare` reads it: all strategies."""

    metrics: dict[str, dict[str, Interval]]
    confusion: pd.DataFrame
    reliability: pd.DataFrame
    operating: pd.DataFrame
    mixes: pd.DataFrame
    rules: dict[str, Rule]


def read_evaluations(folder: Path, strategies: list[str]) -> Evaluated:
    """Read the evaluation of `strategies` back.

    Raises
    ------
    InputError
        A strategy is missing: the stage has to run again.
    """
    table = METRICS.read(folder / METRICS.file)
    missing = sorted(set(strategies) - set(table["strategy"]))
    if missing:
        raise InputError(f"{folder}: no metrics of {', '.join(missing)}; `equipoise run evaluate` makes them")
    metrics: dict[str, dict[str, Interval]] = {strategy: {} for strategy in strategies}
    for row in table[table["strategy"].isin(strategies)].itertuples():
        metrics[row.strategy][row.metric] = Interval(row.value, row.low, row.high)
    # Classes may be called "NA" or "1": their names are text, whatever they look like.
    names = dict.fromkeys(("strategy", "actual", "predicted", "class"), str)
    confusion, calibration, operating, mixes = (
        pd.read_csv(folder / f"{name}.csv", dtype=names, keep_default_na=False)
        for name in ("confusion", "calibration", "operating", "mixes")
    )
    rules = {strategy: Rule.read(folder / "rules" / f"{strategy}.json") for strategy in strategies}
    return Evaluated(metrics, confusion, calibration, operating, mixes, rules)
