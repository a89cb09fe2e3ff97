"""audit: do the traces of a recipe's transforms, not what images show, move a strategy's predictions?

Where only rare classes are augmented, "was augmented" can become "is rare" for a model. Training images of the largest
class are changed as the recipe changes training images, and each is shown, untouched and changed, to the strategy's
model of its own fold, which has seen neither it nor a relative (`tasks.audit.effect`): the content is the same, so what
moves is read from the traces. That decides on the verdict. A probe then says, for information, what the traces are
(`tasks.audit.probe`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Audit the strategy `name`, write ``reports/audit/<name>``."""
    from tasks.files import write_json
    from tasks.progress import say
    from tasks.shortcuts import NOTHING, without_effect
    from tasks.tables import BALANCED

    recipe = workspace.params.strategies[name].recipe
    balanced = BALANCED.read(workspace.path("data", "balanced", recipe, "balanced.parquet"))
    with workspace.output("reports", "audit", name) as folder:
        if balanced["file"].isna().all():
            found = without_effect(NOTHING, f"{recipe} has no new images")
        else:
            from tasks.audit.strategy import audit_strategy

            found = audit_strategy(workspace, name, balanced, folder)
        write_json(folder / "audit.json", {"strategy": name, "recipe": recipe, **found})
    say(found["reason"])
