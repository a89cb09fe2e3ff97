"""Stage `train`: fit one strategy on every fold and on all training rows, and predict what it did not see.

The backbone ran once, in `embed`; a strategy fits its classifier on the features that came of it, so that a dozen
strategies with several folds and seeds cost seconds. Training rows are predicted by the models of their own fold, test
rows by the models fitted on all training rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Fit the strategy `name`; writes `models/<name>/` and `predictions/<name>/`."""
    from tasks.features import Features
    from tasks.progress import say
    from tasks.tables import BALANCED, PREDICTIONS, SPLITS
    from tasks.train.fitting import fit_strategy
    from tasks.train.models import fold_folder, save_model

    strategy = workspace.params.strategies[name]
    recipe = strategy.recipe
    made = how_features_were_made(workspace, recipe)
    outcome = fit_strategy(
        strategy,
        workspace.params.train,
        splits=SPLITS.read(workspace.path("data", "splits", "splits.parquet")),
        balanced=BALANCED.read(workspace.path("data", "balanced", recipe, "balanced.parquet")),
        features=Features.load(workspace.path("data", "features")),
        new_features=Features.load(workspace.path("data", "features_new", recipe)),
        tell=say,
    )
    with workspace.output("models", name) as folder:
        about = {"strategy": name, "recipe": recipe, "features": made}
        save_model(outcome.model, folder, about)
        for fold, model in outcome.fold_models.items():
            own = fold_folder(folder, fold)
            own.mkdir(parents=True)
            save_model(model, own, about | {"fold": fold})
        outcome.history.to_csv(folder / "history.csv", index=False, float_format="%.6f")
    with workspace.output("predictions", name) as folder:
        PREDICTIONS.write(outcome.predictions, folder / "predictions.parquet")


def how_features_were_made(workspace: Workspace, recipe: str) -> dict[str, Any]:
    """What `data/features` says of its making.

    Raises
    ------
    InputError
        The recipe's new images were embedded otherwise, so that a classifier could tell them by that alone.
    """
    from tasks.errors import InputError
    from tasks.files import read_json

    made: dict[str, Any] = read_json(workspace.path("data", "features", "features.json"))
    new: dict[str, Any] = read_json(workspace.path("data", "features_new", recipe, "features.json"))
    differing = sorted(key for key in made | new if made.get(key) != new.get(key))
    if differing:
        ours, theirs = (", ".join(f"{key}: {facts.get(key, 'none')}" for key in differing) for facts in (made, new))
        raise InputError(
            f"data/features_new/{recipe} was made with {theirs}, but data/features with {ours}; "
            "run `equipoise run --force embed embed_new`"
        )
    return made
