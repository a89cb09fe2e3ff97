"""Stage `audit`: reads and writes files; what is between stands in the modules beside."""

from __future__ import annotations

from tasks.files import write_json
from tasks.progress import say
from tasks.shortcuts import NOTHING, without_effect
from tasks.tables import BALANCED
from tasks.workspace import Workspace


def run(workspace: Workspace, name: str) -> None:
    """Audit the strategy `name`, write ``reports/audit/<name>``."""
    recipe = workspace.params.strategies[name].recipe
    balanced = workspace.read(BALANCED, recipe)
    with workspace.output("reports", "audit", name) as folder:
        if balanced["file"].isna().all():
            found = without_effect(NOTHING, f"{recipe} has no new images")
        else:
            from tasks.audit.strategy import audit_strategy

            found = audit_strategy(workspace, name, balanced, folder)
        write_json(folder / "audit.json", {"strategy": name, "recipe": recipe, **found})
    say(found["reason"])
