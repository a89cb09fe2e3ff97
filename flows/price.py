"""What a strategy costs: time and memory from the run log, new images and their bytes from the balanced sets.

No output of a stage holds seconds, which differ from run to run. A recipe's stages, and the pretraining of a backbone,
count whole for each strategy that uses it, since each needs them, with or without the others; so prices don't add up to
what the run took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.costs import Cost
from tasks.disk import readable_size
from tasks.files import read_json
from tasks.params.models import NONE

OF_RECIPE, OF_STRATEGY = ("balance", "embed_new"), ("train", "audit")


@dataclass(frozen=True)
class Price:
    """What a strategy costs.

    Attributes
    ----------
    seconds
        Of its training and audit, of its recipe's balancing and embedding, and of its backbone's pretraining where
        there is one, when each last ran in this workspace; None where one never did (DVC restored it, for instance).
    new_images, bytes
        Images that its recipe makes, and the room that they take.
    peak_memory
        The largest that any one process of these stages had, bytes; None where that of one is not known.
    """

    seconds: float | None
    new_images: int
    bytes: int
    peak_memory: int | None = None

    @property
    def of_time(self) -> str:
        """The seconds as a cell of a table shows them."""
        return "unknown" if self.seconds is None else f"{self.seconds:.0f}"

    @property
    def of_memory(self) -> str:
        """The peak memory as a cell of a table shows it."""
        if self.peak_memory is None:
            return "unknown"
        return f"{self.peak_memory / 1e6:.0f} MB" if self.peak_memory < 1e9 else readable_size(self.peak_memory)

    @property
    def of_images(self) -> str:
        """The new images as a cell of a table shows them."""
        return f"{self.new_images:,} ({readable_size(self.bytes)})" if self.new_images else "none"


def prices(
    root: Path,
    recipes: Mapping[str, str],
    costs: Mapping[str, Cost],
    ensembles: Mapping[str, Sequence[str]] | None = None,
    backbones: Mapping[str, str] | None = None,
) -> dict[str, Price]:
    """The price of each strategy, and of each ensemble: the sum of its members', what they share counted once.

    Parameters
    ----------
    root
        The workspace, as the run left it.
    recipes
        The recipe of each strategy.
    costs
        What each stage cost when it last ran, by address.
    ensembles
        The members of each.
    backbones
        The backbone of each strategy that has one, of which those count that were pretrained here.
    """
    ensembles, pretrained = ensembles or {}, root / "models" / "backbones"
    made = {recipe: _made(root / "data" / "balanced" / recipe) for recipe in set(recipes.values())}
    found = {}
    for name in (*recipes, *ensembles):
        members = ensembles.get(name, [name])
        used = dict.fromkeys(recipes[member] for member in members)
        stages = [f"{stage}@{recipe}" for recipe in used for stage in OF_RECIPE]
        stages += [f"{stage}@{member}" for member in members for stage in OF_STRATEGY]
        stages += [f"ensemble@{name}"] if name in ensembles else []
        begun = dict.fromkeys((backbones or {}).get(member, NONE) for member in members)
        stages += [f"pretrain@{one}" for one in begun if one != NONE and (pretrained / one).is_dir()]
        known = [costs[stage] for stage in stages if stage in costs]
        images, size = (sum(numbers) for numbers in zip(*(made[recipe] for recipe in used), strict=True))
        took = sum(one.seconds for one in known) if len(known) == len(stages) else None
        peaks = [one.peak_memory for one in known if one.peak_memory is not None]
        found[name] = Price(took, images, size, max(peaks) if len(peaks) == len(stages) else None)
    return found


def prices_of(root: Path, board: Mapping[str, Any], costs: Mapping[str, Cost]) -> dict[str, Price]:
    """The prices of the strategies on a leaderboard."""
    members = {row["strategy"]: row["members"] for row in board["rows"] if row.get("members")}
    recipes = {row["strategy"]: row["recipe"] for row in board["rows"] if row["strategy"] not in members}
    backbones = {row["strategy"]: row.get("backbone", NONE) for row in board["rows"]}  # earlier versions named none
    return prices(root, recipes, costs, members, backbones)


def price_sentence(board: Mapping[str, Any], found: Mapping[str, Price]) -> str:
    """What the recommended strategy costs, beside the baseline."""
    told = [f"{name} {_words(found[name])}" for name in dict.fromkeys([board["recommended"], board["baseline"]])]
    return f"Price: {'; '.join(told)} (its training and audit, and all of its recipe, as they last ran here)."


def _words(price: Price) -> str:
    took = "an unknown time" if price.seconds is None else f"{price.seconds:.0f} s"
    memory = "" if price.peak_memory is None else f", {price.of_memory} of memory"
    return f"{took}{memory} and {price.of_images if price.new_images else 'no'} new images"


def _made(folder: Path) -> tuple[int, int]:
    """New images of a recipe, and their bytes; those of a generator lie elsewhere and count by number only."""
    after = read_json(folder / "summary.json")["after"] if (folder / "summary.json").is_file() else {}
    origins = [(origin, number) for of_class in after.values() for origin, number in of_class.items()]
    images = sum(number for origin, number in origins if origin not in ("original", "copy"))
    return images, sum(file.stat().st_size for file in (folder / "images").rglob("*") if file.is_file())
