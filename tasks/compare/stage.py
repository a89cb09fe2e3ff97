"""Stage `compare`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pandas import DataFrame

from tasks.compare.audits import of_members, read_audits
from tasks.compare.comparison import Comparison, compare
from tasks.compare.curves import read_curves
from tasks.compare.feature_map import FeatureMap, feature_map
from tasks.compare.generated import worth
from tasks.compare.heldout import confirm
from tasks.compare.leaderboard import LEADERBOARD, leaderboard, leaderboard_table
from tasks.compare.looks import log_looks, look_sentence
from tasks.compare.mistakes import Mistake, worst_mistakes
from tasks.compare.next_steps import next_steps
from tasks.compare.reason import sentences
from tasks.compare.report import ReportData, report
from tasks.compare.samples import samples
from tasks.compare.simplicity import makes_new, simplest_first
from tasks.depth import depth_of
from tasks.evaluate.ceiling import read_ceilings
from tasks.evaluate.deciding import cross_fitted, decided_by, fold_rules, mix_of
from tasks.evaluate.scored import Scored, read_scored
from tasks.evaluate.writing import read_evaluations
from tasks.files import read_json, write_json, write_text
from tasks.params.models import NONE, Evaluate, Params, Strategy
from tasks.progress import say
from tasks.rules import Rule
from tasks.tables import BALANCED, CATALOG, ENSEMBLES, SPLITS, first_repeat, predictions_file
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Compare the strategies that `params.yaml` names and write ``reports/compare/``."""
    params = workspace.params
    splits = workspace.read(SPLITS)
    workspace.sweep("data", "balanced", keep=params.recipes)
    workspace.sweep(ENSEMBLES, keep=params.ensembles)
    workspace.sweep("reports", "audit", keep=params.strategies)
    workspace.sweep("data", "features", keep=[*params.backbones, *params.pretrain, NONE])
    workspace.sweep("data", "features_new", keep=params.recipes)
    files = {strategy: predictions_file(workspace.root, strategy) for strategy in sorted(params.judged)}
    evaluated = read_evaluations(workspace.path("reports", "evaluate"), list(files))
    scored = {
        strategy: _decided(read_scored(file, splits, "train"), evaluated.rules[strategy], params.evaluate)
        for strategy, file in files.items()
    }
    recipes = sorted({strategy.recipe for strategy in params.strategies.values()})
    recipes.sort(key=lambda recipe: recipe != params.strategies[params.compare.baseline].recipe)
    class_counts = {recipe: read_json(workspace.path("data", "balanced", recipe, "summary.json")) for recipe in recipes}
    audits = read_audits(workspace.path("reports", "audit"), params.strategies)
    audits |= {name: of_members(one.members, audits) for name, one in params.ensembles.items()}
    shortcuts = [strategy for strategy, audited in audits.items() if audited.holds_back]
    order = simplest_first(params.strategies, class_counts, params.ensembles)
    comparison = compare(scored, evaluated.metrics, params.compare, params.evaluate, order, shortcuts)
    ceilings = read_ceilings(workspace.path("reports", "evaluate"), _backbones(params))
    seen_all = {key for key, method in params.pretrain.items() if not method.per_fold}
    not_blind = [name for name, one in params.strategies.items() if one.family.backbone in seen_all]
    not_blind += [name for name, one in params.ensembles.items() if {*one.members} & {*not_blind}]
    rows = {name: sum(sum(of.values()) for of in counts["after"].values()) for name, counts in class_counts.items()}
    judged = np.isin(scored[comparison.baseline].classes, comparison.judged)
    generated = worth(params, scored, comparison.goal, params.evaluate, judged, rows)
    comparison = replace(comparison, ceilings=ceilings, not_blind=not_blind, generated=generated)
    for line in sentences(comparison):
        say(line)

    held_out = {}
    for strategy in dict.fromkeys([comparison.baseline, comparison.recommended]):
        held_out[strategy] = decided_by(read_scored(files[strategy], splits, "test"), evaluated.rules[strategy])
    confirmation = confirm(held_out, comparison, params.evaluate)
    say(look_sentence(log_looks(workspace, confirmation, comparison.goal.metric, files)))
    say(confirmation.sentence)

    catalog = workspace.read(CATALOG)
    side = float(catalog[["width", "height"]].min(axis=1).median())
    steps = next_steps(comparison, scored[comparison.baseline], params, side)
    for step in steps:
        say(f"next: {step.sentence} {step.command}".strip())
    board = leaderboard(comparison, confirmation, params, audits, steps)
    chosen = _first(params, comparison.recommended)
    training = first_repeat(splits[splits["part"] == "train"])
    before = class_counts[recipes[0]]["before"]
    rarest_first = sorted(before, key=before.__getitem__)
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
        samples=samples(workspace.path("data", "balanced"), recipes, rarest_first),
        curves=read_curves(workspace.path("reports", "evaluate")),
        mistakes=_mistakes(workspace, scored[comparison.recommended], chosen, training, catalog),
        feature_map=_feature_map(workspace, comparison, chosen, training, class_counts, rarest_first),
        draws=params.evaluate.draws,
        margin_share=params.compare.margin,
    )
    with workspace.output("reports", "compare") as folder:
        write_json(folder / "leaderboard.json", board)
        LEADERBOARD.write(leaderboard_table(board), folder / LEADERBOARD.file)
        write_text(folder / "report.html", report(data))


def _first(params: Params, name: str) -> Strategy:
    """A strategy, or an ensemble's first member, at whose features the pictures look."""
    return next(iter(params.made_of(name).values()))


def _backbones(params: Params) -> dict[str, str]:
    """By strategy, and by ensemble whose members all look at the same features, the backbone."""
    found = {name: {one.family.backbone for one in params.made_of(name).values()} for name in params.judged}
    return {name: next(iter(backbones)) for name, backbones in found.items() if len(backbones) == 1}


def _mistakes(
    workspace: Workspace, scored: Scored, strategy: Strategy, training: DataFrame, catalog: DataFrame
) -> list[Mistake] | None:
    """The worst mistakes of the strategy to take; None where its scores are no probabilities."""
    if not scored.has_probabilities:
        return None
    paths = dict(zip(catalog["image_id"], catalog["path"], strict=True))
    raw = workspace.path("data", "raw")
    return worst_mistakes(scored, training, paths, raw, depth_of(catalog), _features(workspace, strategy))


def _feature_map(
    workspace: Workspace,
    comparison: Comparison,
    strategy: Strategy,
    training: DataFrame,
    class_counts: Mapping[str, Mapping[str, Any]],
    rarest_first: list[str],
) -> FeatureMap | None:
    """The map of the features that the strategy to take looks at, and of a recipe with new images."""
    features = _features(workspace, strategy)
    if features is None:
        return None
    # The recipe of the strategy to take, or else of the best one that makes new images and looks at the same features.
    params, names = workspace.params, [comparison.recommended, *comparison.ranked]
    parts = [one for name in names for one in params.made_of(name).values()]
    recipes = [one.recipe for one in parts if one.family.backbone == features.name]
    recipe = next((one for one in recipes if makes_new(class_counts[one])), recipes[0])
    new = workspace.path("data", "features_new", recipe, features.name)
    return feature_map(training, rarest_first, features, recipe, workspace.read(BALANCED, recipe), new)


def _features(workspace: Workspace, strategy: Strategy) -> Path | None:
    """The folder of the features that a strategy looks at; None where it looks at images."""
    family = strategy.family
    return workspace.path("data", "features", family.backbone) if family.inputs == "features" else None


def _decided(scored: Scored, rule: Rule, settings: Evaluate) -> Scored:
    """Out-of-fold scores, decided under the goal: each fold by the others where it is not just the largest score."""
    if not rule.goal.corrected:
        return scored
    return cross_fitted(scored, fold_rules(scored, rule, mix_of(settings, scored.classes)))
