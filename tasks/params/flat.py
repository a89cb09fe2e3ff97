"""The flat form in which `params.yaml` was written by earlier versions, and the same in today's nested form.

There a component was a bare name, its settings stood beside it (some with a prefix), and one backbone served all. Who
comes with such a file gets the new sections to paste.
"""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from tasks.registry import components

SLOTS = {"family": "families", "loss": "losses", "sampler": "samplers", "mixing": "mixing", "posthoc": "posthoc"}
LAYERS = {"resample": "resample", "augment": "augment", "transforms": "presets", "mix": "mixed"}
RENAMED = {"transforms": "preset", "mix": "mixed"}  # layers of a recipe
PREFIXES = {"mixing": "mixing_"}
TARGETS = {"resample": "resample_to", "augment": "augment_to", "mix": "mix_to"}
OF_FITS = ("steps", "batch_size", "learning_rate", "weight_decay")


def nested_form(values: Any) -> str | None:
    """What to tell about parameters of the flat form, with the sections to paste; None for the nested form."""
    if not isinstance(values, dict) or not _is_flat(values):
        return None
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(_laid_out(nested(values)), text)
    return (
        "this is the flat form of earlier versions; components now stand with their own settings, such as "
        "loss: {name: focal, gamma: 2.0}. Put these sections in place of yours (embed goes, its settings stand in "
        "backbones; compare with the project's own params.yaml for the comments):\n\n" + text.getvalue()
    )


def _is_flat(values: dict[str, Any]) -> bool:
    def holds(section: str, key: str) -> bool:
        items = values.get(section)
        found = items.values() if isinstance(items, dict) else []
        return any(isinstance(item, dict) and isinstance(item.get(key), str) for item in found)

    flat_strategy = any(holds("strategies", slot) for slot in SLOTS) and "backbones" not in values
    return "embed" in values and (flat_strategy or holds("recipes", "resample"))


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """The sections that have another form today, made of parameters of the flat form."""
    embed = dict(values.get("embed") or {})
    backbone = str(embed.pop("backbone", "efficientnet_lite0"))
    train = dict(values.get("train") or {})
    split = {key: value for key, value in (values.get("split") or {}).items() if key != "audit_images"}
    made: dict[str, Any] = {
        "backbones": {backbone: {"name": backbone, **embed}},
        "group": {"backbone": backbone, **(values.get("group") or {})},
        "split": split,
        "explore": {"backbone": backbone, **(values.get("explore") or {})},
        "generators": {name: _generator(item) for name, item in (values.get("generators") or {}).items()},
        "balance": {"backbone": backbone, **(values.get("balance") or {})},
        "recipes": {name: _recipe(item) for name, item in (values.get("recipes") or {}).items()},
        "train": {key: value for key, value in train.items() if key not in OF_FITS},
    }
    fits = {key: train[key] for key in OF_FITS if key in train}
    strategies = values.get("strategies") or {}
    return made | {"strategies": {name: _strategy(item, backbone, fits) for name, item in strategies.items()}}


def _component(package: str, name: Any, item: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A component with those of the flat settings beside it that are its own."""
    known = components(package).get(name)
    fields = [key for key in known.model_fields if key != "name"] if known else []
    return {"name": name, **{key: item[prefix + key] for key in fields if prefix + key in item}}


def _strategy(item: dict[str, Any], backbone: str, fits: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"recipe": item.get("recipe")}
    for slot, kind in SLOTS.items():
        made[slot] = _component(f"tasks.train.{kind}", item.get(slot), item, PREFIXES.get(slot, ""))
    made["family"] = {"name": item.get("family"), "backbone": backbone, **made["family"], **fits}
    return made


def _recipe(item: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for layer, kind in LAYERS.items():
        own = {"to": item[TARGETS[layer]]} if TARGETS.get(layer) in item else {}
        made[RENAMED.get(layer, layer)] = _component(f"tasks.balance.{kind}", item.get(layer), item) | own
    if isinstance(item.get("techniques"), dict):
        chosen = item["techniques"].items()
        made["preset"]["transforms"] = [{"name": name, **(settings or {})} for name, settings in chosen]
    made["synthetic"] = {"generator": item.get("synthetic"), "images": item.get("synthetic_images")}
    return made


def _generator(item: dict[str, Any]) -> dict[str, Any]:
    return {"name": item.get("generator"), **{key: value for key, value in item.items() if key != "generator"}}


def _laid_out(node: Any, depth: int = 0) -> Any:
    """The same with components, and whatever is short, on one line each."""
    if not isinstance(node, dict):
        return node
    laid = CommentedMap({key: _laid_out(value, depth + 1) for key, value in node.items()})
    if not laid or ("name" in laid and depth > 1) or (depth > 2):
        laid.fa.set_flow_style()
    return laid
