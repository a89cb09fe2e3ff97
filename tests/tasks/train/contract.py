"""What the contract suites run over: every component of a kind, with every choice that it holds, small and quick.

A new component is in it without being named. `test_loss_contract.py`, `test_family_contract.py`,
`test_classifier_contract.py`, `test_sampler_contract.py`, `test_mixing_contract.py` and `test_posthoc_contract.py` hold
each to: golden values and a plain loop, finite numbers at extreme scores and counts, same seed same bits, a batch of
one, float32 and bfloat16, 2 and 50 classes, any order of classes, and files that give the same scores and no pickle.
"""

from __future__ import annotations

import io
import json
import pickletools
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from fits import Made, Task, hard_task, variants

from tasks.registry import Component, home
from tasks.train.families import Family
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.samplers.natural import Natural

QUICK: dict[str, Any] = {  # settings of families and what they hold, where they have them
    "steps": 40,
    "batch_size": 16,
    "learning_rate": 0.05,
    "epochs": 2,
    "trees": 20,
    "draws": 2,
    "width": 4,
    "patches": 300,
    "bank": 40,
    "dimensions": 12,
}
OWN: dict[str, dict[str, Any]] = {"xgboost": {"learning_rate": 0.3}, "lightgbm": {"learning_rate": 0.3}}
MODULES = {"xgboost": "xgboost", "lightgbm": "lightgbm"}  # of the extra `boosting`
COUNTS = {
    2: [24, 9],
    50: [*([6] * 3), *([4] * 7), *([2] * 40)],
    "three": [24, 14, 9],
    "one row": [24, 7, 1],
    "steep": [200, 1],
}


def quick(component: Any) -> Any:
    """The component, and those that it holds, with few steps, trees and the like."""
    changes: dict[str, Any] = {key: value for key, value in QUICK.items() if hasattr(component, key)}
    changes |= OWN.get(component.name, {})
    if hasattr(component, "image_size"):
        network = getattr(component, "network", None)
        changes["image_size"] = 16 if network is None else max(16, network.smallest)
        if hasattr(component, "frozen") and network.is_pretrained:
            changes["frozen"] = network.depth_in_stages  # so few steps would only spoil it
    changes |= {key: quick(held) for key, held in component if isinstance(held, Component)}
    return component.model_copy(update=changes)


def every_choice(package: str) -> list[Any]:
    """Every component of a kind with its defaults, and with every one that it may hold in place of that."""
    found = []
    for one in variants(package):
        if one != type(one)():
            continue
        held = {key: value for key, value in one if isinstance(value, Component)}
        choices = [
            (key, other)
            for key, value in held.items()
            for other in variants(home(type(value)))
            if other == type(other)() and not names_no_model(other)
        ]
        found += [replaced for key, other in choices if (replaced := _replaced(one, key, other)) is not None]
        found += [] if choices else [one]
    return found


def names_no_model(component: Any) -> bool:
    """Whether it is a network that is read from a folder, and none is named; `test_folder_networks.py` makes some."""
    return bool(getattr(component, "against", ""))


def _replaced(one: Any, key: str, other: Component) -> Any:
    """The component with another one in it; None where it refuses that."""
    settings: dict[str, Any] = {key: other}
    if hasattr(one, "image_size") and hasattr(other, "smallest"):
        settings["image_size"] = max(one.image_size, other.smallest)
    try:
        return type(one)(**settings)
    except ValueError:
        return None


def called(family: Any) -> str:
    """The name of a component and of those that it holds."""
    return "-".join([family.name, *(called(held) for _, held in family if isinstance(held, Component))])


FAMILIES: list[Any] = [quick(one) for one in every_choice("tasks.train.families")]


def needs(family: Any) -> list[pytest.MarkDecorator]:
    """What a family may lack here."""
    missing = [one for one in MODULES if one in called(family) and find_spec(MODULES[one]) is None]
    return [pytest.mark.skip(reason=f"needs {missing[0]}")] if missing else []


each_family = pytest.mark.parametrize(
    "family", [pytest.param(one, id=called(one), marks=needs(one)) for one in FAMILIES]
)
each_size = pytest.mark.parametrize("size", [2, 50, "one row", "steep"])


def task_of(size: int | str, order: tuple[int, ...] | None = None, seed: int = 0, first: int = 0) -> Task:
    """Rows of classes that lie apart; `order` says which number each class has, and `first` draws other rows."""
    counts = COUNTS[size]
    targets = np.repeat(np.arange(len(counts)), counts)
    stream = np.random.default_rng(first)
    features = stream.normal(size=(len(targets), 8))
    features[np.arange(len(targets)), targets % 8] += 6 + targets // 8
    codes = targets if order is None else np.array(order)[targets]
    return hard_task(features.astype(np.float32), codes, len(counts), CrossEntropy(), Natural(), {}, seed)


_KNOWN: dict[tuple[str, int | str, int], Made] = {}


def made_of(family: Family, size: int | str, seed: int = 0) -> Made:
    """A fit, made once for all tests that only look at it."""
    key = (called(family), size, seed)
    if key not in _KNOWN:
        _KNOWN[key] = task_of(size, seed=seed).fit(family)
    return _KNOWN[key]


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file, and the members of one that is a zip, in whatever depth."""
    yield name, data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from contents(member, archive.read(member))


def is_pickle(data: bytes) -> bool:
    """Whether some bytes can be read as a pickle to its end."""
    try:
        for _ in pickletools.genops(data):
            pass
    except Exception:
        return False
    return True


def refuse_pickle(name: str, data: bytes) -> None:
    """Hold a file, and all that is in it, to formats that execute nothing."""
    for member, content in contents(name, data):
        ending = "." + member.rpartition(".")[2]
        assert ending in (".safetensors", ".skops", ".json", ".npy", ".ubj", ".txt"), member
        assert not is_pickle(content), member
        assert content[:1] != b"\x80" or ending == ".safetensors", member  # how a pickle of protocol 2 and later begins
        if ending == ".npy":
            np.load(io.BytesIO(content), allow_pickle=False)
        if ending == ".json":
            json.loads(content)
        if ending == ".safetensors":
            length = int.from_bytes(content[:8], "little")
            json.loads(content[8 : 8 + length])
