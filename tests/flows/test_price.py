"""What a strategy costs: seconds of the run log, new images and their bytes."""

from __future__ import annotations

from pathlib import Path

from flows.costs import Cost, costs, costs_of
from flows.journal import Journal
from flows.outcomes import Outcome, Result
from flows.price import Price, price_sentence, prices, prices_of
from tasks.files import write_json

RECIPES = {"plain": "natural", "focal": "natural", "new": "augmented"}


def recipe(root: Path, name: str, made: int) -> None:
    folder = root / "data" / "balanced" / name
    after = {"a": {"original": 5, "copy": 2}, "b": {"original": 1} | ({"augmented": made} if made else {})}
    write_json(folder / "summary.json", {"before": {}, "after": after})
    (folder / "images" / "b").mkdir(parents=True)
    for number in range(made):
        (folder / "images" / "b" / f"{number}.png").write_bytes(b"x" * (100 + number))


def test_a_price_is_that_of_the_strategy_and_of_all_of_its_recipe(tmp_path: Path) -> None:
    recipe(tmp_path, "natural", 0)
    recipe(tmp_path, "augmented", 3)
    journal = Journal(tmp_path)
    took = {"balance@natural": 1.0, "embed_new@natural": 0.5, "balance@augmented": 20.0, "embed_new@augmented": 40.0}
    took |= {"train@plain": 5.0, "train@focal": 6.0, "train@new": 8.0, "audit@plain": 0.25, "audit@new": 10.0}
    peaks = dict.fromkeys(took, 500_000_000) | {"embed_new@augmented": 2_340_000_000, "train@new": 700_000_000}
    for stage, seconds in took.items():
        journal.add(Result(stage, Outcome.COMPLETED, seconds, peak_memory=peaks[stage]))
    found = prices(tmp_path, RECIPES, costs(tmp_path))
    assert found == {
        "plain": Price(1.0 + 0.5 + 5.0 + 0.25, 0, 0, 500_000_000),
        "focal": Price(None, 0, 0),  # its audit never ran here
        "new": Price(20.0 + 40.0 + 8.0 + 10.0, 3, 100 + 101 + 102, 2_340_000_000),
    }
    assert (found["focal"].of_time, found["new"].of_time, found["new"].of_images) == ("unknown", "78", "3 (303 bytes)")
    assert (found["focal"].of_memory, found["new"].of_memory) == ("unknown", "2.3 GB")
    board = {"recommended": "new", "baseline": "plain"}
    new, plain = "new 78 s, 2.3 GB of memory and 3 (303 bytes) new", "plain 7 s, 500 MB of memory and no new"
    assert price_sentence(board, found).startswith(f"Price: {new} images; {plain} images (its")
    board = {"recommended": "focal", "baseline": "focal"}
    assert price_sentence(board, found).startswith("Price: focal an unknown time and no new images (its")


def test_the_pretraining_of_its_backbone_counts_for_a_strategy(tmp_path: Path) -> None:
    recipe(tmp_path, "natural", 0)
    write_json(tmp_path / "models" / "backbones" / "own" / "backbone.json", {})
    (tmp_path / "models" / "backbones" / "none").mkdir()
    took = {"balance@natural": 1.0, "embed_new@natural": 0.5, "pretrain@own": 100.0}
    took |= {f"{stage}@{name}": 2.0 for stage in ("train", "audit") for name in ("plain", "tuned", "head")}
    backbones = {"plain": "efficientnet_lite0", "tuned": "none", "head": "own"}
    found = prices(tmp_path, dict.fromkeys(backbones, "natural"), costs_of(took), backbones=backbones)
    assert {name: price.seconds for name, price in found.items()} == {"plain": 5.5, "tuned": 5.5, "head": 105.5}


def test_an_ensemble_costs_what_its_members_cost_and_each_recipe_once(tmp_path: Path) -> None:
    recipe(tmp_path, "natural", 0)
    recipe(tmp_path, "augmented", 3)
    seconds = {"balance@natural": 1.0, "embed_new@natural": 0.5, "balance@augmented": 20.0, "embed_new@augmented": 40.0}
    seconds |= {"train@plain": 5.0, "train@focal": 6.0, "train@new": 8.0, "ensemble@all": 0.125}
    seconds |= {"audit@plain": 0.25, "audit@focal": 0.25, "audit@new": 10.0}
    members = {"all": ["plain", "focal", "new"], "two": ["plain", "focal"]}
    found = prices(tmp_path, RECIPES, costs_of(seconds), members)
    assert found["all"] == Price(1.0 + 0.5 + 20.0 + 40.0 + 5.0 + 6.0 + 8.0 + 0.5 + 10.0 + 0.125, 3, 100 + 101 + 102)
    assert found["two"] == Price(None, 0, 0), "it was never combined here"
    rows = [{"strategy": name, "recipe": of} for name, of in RECIPES.items()]
    rows += [{"strategy": name, "recipe": "natural + augmented", "members": of} for name, of in members.items()]
    assert prices_of(tmp_path, {"rows": rows}, costs_of(seconds)) == found


def test_what_dvc_restores_keeps_the_seconds_that_are_known(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(Result("train@plain", Outcome.COMPLETED, 5.0, peak_memory=7))
    for outcome in (Outcome.RESTORED, Outcome.UNCHANGED, Outcome.FAILED):
        journal.add(Result("train@plain", outcome, 0.1))
    assert costs(tmp_path) == {"train@plain": Cost(5.0, 7)}


def test_costs_of_earlier_versions_are_seconds_alone(tmp_path: Path) -> None:
    write_json(tmp_path / ".equipoise" / "costs.json", {"train@plain": 5.0})
    Journal(tmp_path).add(Result("audit@plain", Outcome.COMPLETED, 1.0, peak_memory=7))
    assert costs(tmp_path) == {"train@plain": Cost(5.0), "audit@plain": Cost(1.0, 7)}
