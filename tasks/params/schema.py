"""The JSON schema of `params.yaml`, for editors: ``python -m tasks.params.schema`` writes `params.schema.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tasks.files import write_text
from tasks.params.models import Params

SCHEMA = "params.schema.json"
WIDTH = 120


def params_schema() -> dict[str, Any]:
    """The schema of the whole file: sections, bounds, and every component with its settings."""
    schema: dict[str, Any] = plain_schema(Params.model_json_schema())
    return schema | {"title": "Equipoise parameters"}


def plain_schema(node: Any) -> Any:
    """Pydantic's schema as JSON Schema needs it: a component must say its name, nothing is said twice.

    Titles only repeat the keys, and discriminators the alternatives, which their constant names tell apart.
    """
    if isinstance(node, list):
        return [plain_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "const" in node:
        return {key: node[key] for key in ("const", "description") if key in node}
    noise = {"discriminator", *(["title"] if isinstance(node.get("title"), str) else [])}
    made = {key: plain_schema(value) for key, value in node.items() if key not in noise}
    if "const" in made.get("properties", {}).get("name", {}):
        made["required"] = sorted({"name", *made.get("required", [])})
    if "patternProperties" in made:
        made["additionalProperties"] = False  # names that match no pattern
    return made


def laid_out(node: Any, indent: str = "") -> str:
    """JSON with sorted keys; what fits a line stands on one, and so does what holds nothing but scalars."""
    line = json.dumps(node, sort_keys=True, ensure_ascii=False)
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    if len(indent) + len(line) <= WIDTH or not any(isinstance(item, dict | list) for item in below):
        return line
    inner = indent + "  "
    if isinstance(node, list):
        return "[\n" + ",\n".join(inner + laid_out(item, inner) for item in node) + f"\n{indent}]"
    items = [f"{inner}{json.dumps(key)}: {laid_out(node[key], inner)}" for key in sorted(node)]
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"


def main() -> None:
    """Write the schema beside `params.yaml` in the current folder."""
    write_text(Path(SCHEMA), laid_out(params_schema()) + "\n")
    sys.stdout.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
