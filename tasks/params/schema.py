"""The JSON schema of `params.yaml`, for editors: ``python -m tasks.params.schema`` writes `params.schema.json`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tasks.files import write_json
from tasks.params.models import Params

SCHEMA = "params.schema.json"


def params_schema() -> dict[str, Any]:
    """The schema of the whole file: sections, bounds, and every component with its settings."""
    schema: dict[str, Any] = untitled(Params.model_json_schema())
    return schema | {"title": "Equipoise parameters"}


def untitled(node: Any) -> Any:
    """Pydantic's schema without its titles, which only repeat the keys."""
    if isinstance(node, dict):
        return {key: untitled(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}
    return [untitled(item) for item in node] if isinstance(node, list) else node


def main() -> None:
    """Write the schema beside `params.yaml` in the current folder."""
    write_json(Path(SCHEMA), params_schema())
    sys.stdout.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
