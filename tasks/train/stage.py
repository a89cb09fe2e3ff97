"""Stage `train`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

import shutil

from tasks.depth import depth_of
from tasks.files import write_json
from tasks.fingerprints import file_hash
from tasks.progress import say
from tasks.similarity.verification import FILE
from tasks.tables import BALANCED, CATALOG, PREDICTIONS, SPLITS
from tasks.train.ensembles import EnsembleModel
from tasks.train.epochs import epochs_file
from tasks.train.finetuning.sharing import company
from tasks.train.fitting import fit_strategy
from tasks.train.models import fold_folder, save_model
from tasks.train.packing import save_ensemble
from tasks.train.stored_inputs import backbone_of, check_features, features_made, inputs_of
from tasks.workspace import STATE, Workspace


def run(workspace: Workspace, name: str) -> None:
    """Fit the strategy `name`; writes `models/<name>/` and `predictions/<name>/`."""
    params = workspace.params
    strategy = params.strategies[name]
    balanced = workspace.read(BALANCED, strategy.recipe)
    check_features(workspace, strategy)
    checkpoints, backbone = workspace.path(STATE, "checkpoints", name), backbone_of(workspace, strategy)
    with company(["train", name], workspace.root, getattr(strategy.family, "processes", 1)) as sharing:
        outcome = fit_strategy(
            strategy,
            params.train.seeds,
            splits=workspace.read(SPLITS),
            balanced=balanced,
            inputs=inputs_of(workspace, strategy, balanced),
            backbone=backbone,
            depth=depth_of(workspace.read(CATALOG)),
            tell=say,
            checkpoints=checkpoints,
            epochs=None if sharing.rank else epochs_file(workspace.root, name),
        )
    if sharing.rank:
        return
    with workspace.output("predictions", name) as folder:
        PREDICTIONS.write(outcome.predictions, folder / PREDICTIONS.file)
        files = {"predictions": folder / PREDICTIONS.file, "splits": workspace.place(SPLITS)}
        belongs = {name: file_hash(file) for name, file in files.items()}  # what the model's rule and images must be of
    with workspace.output("models", name) as folder:
        about = {"strategy": name, "recipe": strategy.recipe, "features": features_made(workspace, strategy)}
        for fold, model in outcome.fold_models.items():
            own = fold_folder(folder, fold)
            own.mkdir(parents=True)
            save_model(model, own, about)
        if isinstance(outcome.model, EnsembleModel):
            save_ensemble(folder, list(outcome.model.members), strategy.vote.of, None, about | belongs)
            if backbone is not None and not backbone.is_fitted:
                backbone.save(folder, None)  # one for all folds
        else:
            save_model(outcome.model, folder, about | belongs)
        if outcome.verification is not None:
            write_json(folder / FILE, outcome.verification.as_json())
        if outcome.tuning is not None:
            outcome.tuning.to_csv(folder / "tuning.csv", index=False, float_format="%.6f")
        outcome.history.to_csv(folder / "history.csv", index=False, float_format="%.6f")
    shutil.rmtree(checkpoints, ignore_errors=True)
