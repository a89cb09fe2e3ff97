"""Packages that strategies, backbones and generators need beside what always comes: which lack, what brings them."""

from __future__ import annotations

import re
from collections.abc import Set
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from tasks.errors import InputError

if TYPE_CHECKING:
    from tasks.params import Params

PROJECT = "equipoise"
# Which stage uses a section's items.
STAGE_OF = {"strategies": "train", "backbones": "embed", "pretrain": "pretrain", "generators": "synthesize"}
OF_EXTRA = re.compile(r"([\w.-]+).*\bextra == \W(?!dev\b)([\w-]+)")  # a requirement as metadata have it


def missing_packages(params: Params) -> dict[str, list[str]]:
    """The parts of the parameters that need each missing distribution, by its name: ``strategies.xgboost``."""
    needed: dict[str, tuple[str, ...]] = {f"backbones.{name}": one.needed() for name, one in params.backbones.items()}
    needed |= {f"pretrain.{name}": one.network.packages for name, one in params.pretrain.items()}
    needed |= {f"strategies.{name}": one.family.needed() for name, one in params.strategies.items()}
    needed |= {f"generators.{name}": one.packages for name, one in params.generators.items()}
    packages = sorted({package for of_one in needed.values() for package in of_one})
    lost = [package for package in packages if not _is_installed(package)]
    return {package: [part for part, of_one in needed.items() if package in of_one] for package in lost}


def what_brings(package: str) -> str:
    """The line that installs a package: as part of an extra of this project, where one has it."""
    found = [told for one in _requirements() if (told := OF_EXTRA.match(one))]
    extras = [told[2] for told in found if _plain_name(told[1]) == _plain_name(package)]
    return f"pip install '{PROJECT}[{extras[0]}]'" if extras else f"pip install {package}"


def require_packages(params: Params, stages: Set[str]) -> None:
    """Refuse to run stages, by address, for which a package is missing (`InputError`)."""
    for package, parts in missing_packages(params).items():
        split = [part.split(".", 1) for part in parts]
        lacking = [f"{section}.{name}" for section, name in split if f"{STAGE_OF[section]}@{name}" in stages]
        if lacking:
            verb, them = ("needs", "it") if len(lacking) == 1 else ("need", "them")
            raise InputError(
                f"params.yaml: {', '.join(lacking)} {verb} the package {package}, which is not installed: "
                f"{what_brings(package)}, or take {them} out"
            )


def _requirements() -> list[str]:
    try:
        return requires(PROJECT) or []
    except PackageNotFoundError:  # code that nobody installed
        return []


def _plain_name(package: str) -> str:
    """One name for all builds of a package: ``xgboost-cpu`` is xgboost."""
    return package.lower().replace("_", "-").removesuffix("-cpu")


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
