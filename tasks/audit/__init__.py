"""audit: do the traces of a recipe's transforms, not what images show, move predictions?

Where only rare classes are augmented, "was augmented" can become "is rare" for a model. The part `audit` of the split
holds images of the largest class that never train. They are changed as the recipe changes training images, and each
strategy of the recipe is asked before and after (`tasks.audit.effect`): the content is the same, so what moves is read
from the traces. That decides on the verdict. A probe then says, for information, what the traces are
(`tasks.audit.probe`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Audit the recipe `name`, write ``reports/audit/<name>``; models of strategies that are gone are deleted."""
    from tasks.files import write_json
    from tasks.progress import say
    from tasks.shortcuts import NOTHING, without_effect
    from tasks.tables import BALANCED

    params = workspace.params
    workspace.sweep("models", keep=params.strategies)
    balanced = BALANCED.read(workspace.path("data", "balanced", name, "balanced.parquet"))
    strategies = [strategy for strategy, part in params.strategies.items() if part.recipe == name]
    with workspace.output("reports", "audit", name) as folder:
        if balanced["file"].isna().all():
            found = without_effect(strategies, NOTHING, f"{name} has no new images")
        else:
            from tasks.audit.recipe import audit_recipe

            found = audit_recipe(workspace, name, balanced, strategies, folder)
        write_json(folder / "audit.json", {"recipe": name, **found})
    for sentence in dict.fromkeys(one["reason"] for one in found["strategies"].values()):
        say(sentence)
