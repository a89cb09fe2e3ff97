"""Stage `ensemble`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from pathlib import Path

from tasks.ensemble.combining import combine
from tasks.evaluate.scored import read_scored
from tasks.files import write_json
from tasks.fingerprints import file_hash
from tasks.params.checks import PRETRAINED
from tasks.progress import say
from tasks.tables import ENSEMBLES, PREDICTIONS, SPLITS
from tasks.train.packing import MEMBERS, copy_model, save_ensemble
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Combine the members of the ensemble `name`; writes `ensembles/<name>/`."""
    ensemble, splits = workspace.params.ensembles[name], workspace.read(SPLITS)
    strategies = workspace.params.strategies
    workspace.sweep("predictions", keep=strategies)
    workspace.sweep("models", keep=[*strategies, PRETRAINED])
    files = {member: workspace.place(PREDICTIONS, member) for member in ensemble.members}
    train, test = (
        {member: read_scored(file, splits, part) for member, file in files.items()} for part in ("train", "test")
    )
    combined = combine(ensemble, train, test, splits)
    told = ", ".join(f"{member} {weight:.3f}" for member, weight in combined.weights.items())
    say(f"weights: {told}")
    with workspace.output(ENSEMBLES, name) as folder:
        PREDICTIONS.write(combined.predictions, folder / PREDICTIONS.file)
        write_json(folder / "weights.json", combined.weights)
        places = []
        for member in ensemble.members:
            places.append(Path(MEMBERS, member).as_posix())
            (folder / MEMBERS).mkdir(exist_ok=True)
            copy_model(workspace.path("models", member), folder / places[-1])
        about = {
            "strategy": name,
            "predictions": file_hash(folder / PREDICTIONS.file),
            "splits": file_hash(workspace.place(SPLITS)),
        }
        save_ensemble(folder, places, ensemble.of, list(combined.weights.values()), about)
