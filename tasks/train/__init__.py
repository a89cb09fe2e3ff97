"""Stage `train`: fit one strategy on every fold and on all training rows, and predict what it did not see.

A family on features finds what a backbone made once, in `embed`, so that a dozen strategies with several folds and
seeds cost seconds; a family on images decodes them itself. Training rows are predicted by the models of their own fold,
test rows by the models fitted on all training rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Fit the strategy `name`; writes `models/<name>/` and `predictions/<name>/`."""
    from tasks.progress import say
    from tasks.tables import BALANCED, PREDICTIONS, SPLITS
    from tasks.train.fitting import fit_strategy
    from tasks.train.models import fold_folder, save_model
    from tasks.train.stored_inputs import check_features, inputs_of

    params = workspace.params
    strategy = params.strategies[name]
    balanced = BALANCED.read(workspace.path("data", "balanced", strategy.recipe, "balanced.parquet"))
    check_features(workspace, strategy)
    outcome = fit_strategy(
        strategy,
        params.train.seeds,
        splits=SPLITS.read(workspace.path("data", "splits", "splits.parquet")),
        balanced=balanced,
        inputs=inputs_of(workspace, strategy, balanced),
        backbone=params.backbones.get(strategy.family.backbone),
        tell=say,
    )
    with workspace.output("models", name) as folder:
        about = {"strategy": name, "recipe": strategy.recipe}
        save_model(outcome.model, folder, about)
        for fold, model in outcome.fold_models.items():
            own = fold_folder(folder, fold)
            own.mkdir(parents=True)
            save_model(model, own, about)
        outcome.history.to_csv(folder / "history.csv", index=False, float_format="%.6f")
    with workspace.output("predictions", name) as folder:
        PREDICTIONS.write(outcome.predictions, folder / "predictions.parquet")
