"""The JSON schema of `params.yaml`, for editors: ``python -m tasks.params.schema`` writes `params.schema.json`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tasks.files import write_json
from tasks.params.composing import Composed
from tasks.params.models import Generator, Params, Recipe, Strategy
from tasks.registry import parts

SCHEMA = "params.schema.json"


def params_schema() -> dict[str, Any]:
    """The schema of the whole file: sections, bounds, names of parts and the parameters of every part."""
    schema = Params.model_json_schema()
    schema["title"] = "Equipoise parameters"
    for model in (Recipe, Strategy, Generator):
        _complete(schema["$defs"], model)
    return schema


def _complete(definitions: dict[str, Any], model: type[Composed]) -> None:
    """Tell what each part that `model` chooses from does, and add the parameters that it may take."""
    target = definitions[model.__name__]
    target["additionalProperties"] = False
    properties = target["properties"]
    for key, package in model.packages().items():
        summaries = []
        for name, part in parts(package).items():
            own = part.model_json_schema()
            summaries.append(f"{name}: {own.get('description', '').partition(chr(10))[0]}")
            definitions.update(own.get("$defs", {}))
            for parameter, description in own.get("properties", {}).items():
                users = properties.setdefault(parameter, {"anyOf": []})["anyOf"]
                users.append({**description, "title": f"{key} {name}"})
        properties[key]["description"] = "\n".join([properties[key]["description"], *summaries])


def main() -> None:
    """Write the schema beside `params.yaml` in the current folder."""
    write_json(Path(SCHEMA), params_schema())
    sys.stdout.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
