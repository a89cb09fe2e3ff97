"""Stage `compare`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from dataclasses import replace

from tasks.compare.audits import read_audits
from tasks.compare.comparison import compare
from tasks.compare.heldout import confirm
from tasks.compare.leaderboard import LEADERBOARD, leaderboard, leaderboard_table
from tasks.compare.looks import log_looks, look_sentence
from tasks.compare.reason import sentences
from tasks.compare.report import ReportData, report
from tasks.compare.samples import samples
from tasks.compare.simplicity import simplest_first
from tasks.evaluate.ceiling import read_ceilings
from tasks.evaluate.deciding import cross_fitted, decided_by, fold_rules, mix_of
from tasks.evaluate.scored import Scored, read_scored
from tasks.evaluate.writing import read_evaluations
from tasks.files import read_json, write_json, write_text
from tasks.params.models import Evaluate
from tasks.progress import say
from tasks.rules import Rule
from tasks.tables import PREDICTIONS, SPLITS
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Compare the strategies that `params.yaml` names and write ``reports/compare/``."""
    params = workspace.params
    splits = workspace.read(SPLITS)
    workspace.sweep("data", "balanced", keep=params.recipes)
    workspace.sweep("reports", "audit", keep=params.strategies)
    files = {strategy: PREDICTIONS.place(workspace.root, strategy) for strategy in sorted(params.strategies)}
    evaluated = read_evaluations(workspace.path("reports", "evaluate"), list(files))
    scored = {
        strategy: _decided(read_scored(file, splits, "train"), evaluated.rules[strategy], params.evaluate)
        for strategy, file in files.items()
    }
    recipes = sorted({strategy.recipe for strategy in params.strategies.values()})
    recipes.sort(key=lambda recipe: recipe != params.strategies[params.compare.baseline].recipe)
    class_counts = {recipe: read_json(workspace.path("data", "balanced", recipe, "summary.json")) for recipe in recipes}
    audits = read_audits(workspace.path("reports", "audit"), params.strategies)
    shortcuts = [strategy for strategy, audited in audits.items() if audited.holds_back]
    order = simplest_first(params.strategies, class_counts)
    comparison = compare(scored, evaluated.metrics, params.compare, params.evaluate, order, shortcuts)
    backbones = {strategy: chosen.family.backbone for strategy, chosen in params.strategies.items()}
    ceilings = read_ceilings(workspace.path("reports", "evaluate"), backbones)
    comparison = replace(comparison, ceilings=ceilings)
    for line in sentences(comparison):
        say(line)

    held_out = {}
    for strategy in dict.fromkeys([comparison.baseline, comparison.recommended]):
        held_out[strategy] = decided_by(read_scored(files[strategy], splits, "test"), evaluated.rules[strategy])
    confirmation = confirm(held_out, comparison, params.evaluate)
    say(look_sentence(log_looks(workspace, confirmation, comparison.goal.metric, files)))
    say(confirmation.sentence)

    board = leaderboard(comparison, confirmation, params.strategies, audits)
    before = class_counts[recipes[0]]["before"]
    data = ReportData(
        comparison=comparison,
        confirmation=confirmation,
        board=board,
        scored=scored[comparison.baseline],
        confusion=evaluated.confusion,
        reliability=evaluated.reliability,
        operating=evaluated.operating,
        mixes=evaluated.mixes,
        class_counts=class_counts,
        audits=audits,
        samples=samples(workspace.path("data", "balanced"), recipes, sorted(before, key=before.__getitem__)),
        draws=params.evaluate.draws,
        margin_share=params.compare.margin,
    )
    with workspace.output("reports", "compare") as folder:
        write_json(folder / "leaderboard.json", board)
        LEADERBOARD.write(leaderboard_table(board), folder / LEADERBOARD.file)
        write_text(folder / "report.html", report(data))


def _decided(scored: Scored, rule: Rule, settings: Evaluate) -> Scored:
    """Out-of-fold scores, decided under the goal: each fold by the others where it is not just the largest score."""
    if not rule.goal.corrected:
        return scored
    return cross_fitted(scored, fold_rules(scored, rule, mix_of(settings.mix, scored.classes)))
