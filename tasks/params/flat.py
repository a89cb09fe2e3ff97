"""The flat form in which `params.yaml` was written by earlier versions, and the same in today's nested form.

There a component was a bare name, its settings stood beside it (some with a prefix), and one backbone served all. Who
comes with such a file gets the new sections to paste.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from tasks.registry import components

SLOTS = {"family": "families", "loss": "losses", "sampler": "samplers", "mixing": "mixing", "posthoc": "posthoc"}
COMPONENTS = {"resample": "resample", "augment": "augment", "transforms": "presets", "mix": "mixed"}
RENAMED = {"transforms": "preset", "mix": "mixed"}  # components of a recipe
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
    def holds(section: str, keys: Iterable[str]) -> bool:
        items = [item for item in _mapping(values.get(section)).values() if isinstance(item, dict)]
        return any(isinstance(item.get(key), str) for item in items for key in keys)

    return "backbones" not in values and (holds("strategies", SLOTS) or holds("recipes", COMPONENTS))


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """The sections that have another form today, made of parameters of the flat form.

    What is no setting of a chosen component stays where it stood, so that it is told as a mistake and not lost.
    """
    sections = {name: _mapping(section) for name, section in values.items()}

    def section(name: str, without: Iterable[str] = ()) -> dict[str, Any]:
        return {key: value for key, value in sections.get(name, {}).items() if key not in without}

    backbone = str(section("embed").get("backbone", "efficientnet_lite0"))
    fits = {key: value for key, value in section("train").items() if key in OF_FITS}
    return {
        "backbones": {backbone: {"name": backbone, **section("embed", without=["backbone"])}},
        "group": {"backbone": backbone, **section("group")},
        "split": section("split", without=["audit_images"]),
        "explore": {"backbone": backbone, **section("explore")},
        "synthesize": {"backbone": backbone, **section("synthesize", without=["image_size"])},
        "generators": {name: _sized(_generator(item), sections) for name, item in section("generators").items()},
        "pretrain": section("pretrain"),
        "balance": {"backbone": backbone, **section("balance")},
        "recipes": {name: _recipe(item) for name, item in section("recipes").items()},
        "train": section("train", without=OF_FITS),
        "strategies": {name: _strategy(item, backbone, fits) for name, item in section("strategies").items()},
        "ensembles": section("ensembles"),
        "compare": {
            **section("compare", without=["metric"]),
            **({"goal": {"name": sections["compare"]["metric"]}} if "metric" in sections.get("compare", {}) else {}),
        },
        "evaluate": {{"resamples": "draws"}.get(key, key): value for key, value in section("evaluate").items()},
    }


def _sized(generator: Any, sections: dict[str, Any]) -> Any:
    """With the size of all generators' images, which is each one's own now."""
    size = _mapping(sections.get("synthesize")).get("image_size")
    return {**generator, "image_size": size} if isinstance(generator, dict) and size is not None else generator


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _component(package: str, name: Any, item: dict[str, Any], rest: dict[str, Any], prefix: str = "") -> Any:
    """A component with those of the flat settings in `item` that are its own, which are taken out of `rest`."""
    if not isinstance(name, str):
        return name
    known = components(package).get(name)
    own = {prefix + key: key for key in known.model_fields if key != "name"} if known else {}
    for key in own:
        rest.pop(key, None)
    return {"name": name, **{key: item[flat] for flat, key in own.items() if flat in item}}


def _strategy(item: Any, backbone: str, fits: dict[str, Any]) -> Any:
    if not isinstance(item, dict):
        return item
    rest = {key: value for key, value in item.items() if key not in ("recipe", *SLOTS)}
    made = {key: item[key] for key in ("recipe", *SLOTS) if key in item}
    for slot in SLOTS.keys() & made.keys():
        made[slot] = _component(f"tasks.train.{SLOTS[slot]}", made[slot], item, rest, PREFIXES.get(slot, ""))
    if isinstance(item.get("family"), str):
        made["family"] = {"name": item["family"], "backbone": backbone, **made["family"], **fits}
    return made | {"schedule": {"name": "constant"}} | rest


def _recipe(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    taken = (*COMPONENTS, *TARGETS.values(), "techniques", "synthetic", "synthetic_images")
    rest = {key: value for key, value in item.items() if key not in taken}
    made: dict[str, Any] = {}
    for kind in (kind for kind in COMPONENTS if kind in item):
        one = _component(f"tasks.balance.{COMPONENTS[kind]}", item[kind], item, rest)
        if isinstance(one, dict) and TARGETS.get(kind) in item:
            one["to"] = item[TARGETS[kind]]
        made[RENAMED.get(kind, kind)] = one
    if "techniques" in item and isinstance(made.get("preset"), dict):
        chosen = _mapping(item["techniques"]).items()
        made["preset"]["transforms"] = [{"name": name, **_mapping(settings)} for name, settings in chosen]
    if "synthetic" in item:
        images = {"images": item["synthetic_images"]} if "synthetic_images" in item else {}
        made["synthetic"] = {"generator": item["synthetic"], **images}
    return made | rest


def _generator(item: Any) -> Any:
    if not isinstance(item, dict) or "generator" not in item:
        return item
    return {"name": item["generator"], **{key: value for key, value in item.items() if key != "generator"}}


def _laid_out(node: Any, depth: int = 0) -> Any:
    """The same with components, and whatever is short, on one line each."""
    if not isinstance(node, dict):
        return node
    laid = CommentedMap({key: _laid_out(value, depth + 1) for key, value in node.items()})
    if not laid or ("name" in laid and depth > 1) or (depth > 2):
        laid.fa.set_flow_style()
    return laid
