"""What to do next: which images settle what is open, and which line to type."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from tasks.compare.comparison import Comparison, compare
from tasks.compare.next_steps import MOST, REMEDIES, Step, lacking, next_steps
from tasks.compare.reason import reason
from tasks.evaluate.evaluation import evaluate
from tasks.evaluate.scored import Scored
from tasks.params import load_params
from tasks.params.editing import changed
from tasks.params.models import Compare, Evaluate, Strategy

REPOSITORY = Path(__file__).parents[2]
PLAIN: dict[str, Any] = {
    "recipe": "natural",
    "family": {"name": "head", "backbone": "efficientnet_lite0"},
    "loss": {"name": "cross_entropy"},
    "sampler": {"name": "natural"},
    "mixing": {"name": "none"},
    "schedule": {"name": "constant"},
    "posthoc": {"name": "none"},
}
ADJUSTED = PLAIN | {"posthoc": {"name": "logit_adjustment", "tau": 1.0}}


def scored_by(counts: dict[str, int], found: dict[str, int], false_alarms: int = 0) -> Scored:
    """Predictions that find the first images of each class; the others go to the next class.

    `false_alarms` more of the last class's images are taken for the first class.
    """
    classes = sorted(counts)
    labels = np.repeat(np.arange(len(classes)), [counts[name] for name in classes])
    decided = (labels + 1) % len(classes)
    for code, name in enumerate(classes):
        decided[np.flatnonzero(labels == code)[: found[name]]] = code
    decided[np.flatnonzero(labels == len(classes) - 1)[:false_alarms]] = 0
    return Scored(classes, np.arange(len(labels)), labels, np.arange(len(labels)), np.eye(len(classes))[decided][None])


def steps_of(
    scored: dict[str, Scored],
    strategies: dict[str, dict[str, Any]],
    image_side: float = 60,
    more: tuple[Step, ...] = (),
    **settings: Any,
) -> tuple[Comparison, list[Step]]:
    """The comparison, and what follows from it; images are too small to be shown larger unless told."""
    metrics = {name: evaluate(one, one.bootstrap(100, 0), 0.95).metrics for name, one in scored.items()}
    found = compare(scored, metrics, Compare.model_validate(settings), Evaluate(draws=400), list(scored))
    params: Any = SimpleNamespace(
        strategies={name: Strategy.model_validate(one) for name, one in strategies.items()},
        backbones={"efficientnet_lite0": SimpleNamespace(image_size=128)},
    )
    return found, next_steps(found, scored["plain"], params, image_side, more)


def test_only_so_many_groups_are_lacking_as_two_measurable_classes_need() -> None:
    assert lacking({"rust": 6, "scab": 6}, 1) == "4 of rust or scab"
    assert lacking({"rust": 6, "scab": 3, "rot": 2}, 1) == "4 of rust"
    assert lacking({"rust": 6, "scab": 3, "rot": 2}, 2) == "4 of rust and 7 of scab"
    assert lacking({"salt and pepper": 5, "a": 5, "b": 7}, 2) == "3 of b and 5 of salt and pepper or a"
    assert lacking({"a": 5, "b": 5, "c": 5}, 2) == "5 each of 2 of a, b and c"


def test_without_a_verdict_the_one_step_is_to_add_what_is_lacking() -> None:
    counts = {"common": 60, "rust": 6, "scab": 4}
    scored = {name: scored_by(counts, {"common": 50, "rust": 3, "scab": 2}) for name in ("plain", "new")}
    _, steps = steps_of(scored, {"plain": PLAIN, "new": ADJUSTED}, image_side=500)
    (step,) = steps
    assert "lacks: 4 of rust, no relatives" in step.sentence
    assert step.command == "equipoise add FOLDER"


def test_a_goal_on_a_class_that_cannot_be_measured_asks_for_images_of_that_class() -> None:
    counts = {"common": 60, "other": 60, "rust": 6}
    scored = {name: scored_by(counts, {"common": 50, "other": 50, "rust": 3}) for name in ("plain", "new")}
    goal = {"name": "recall_at_precision", "of": "rust", "precision": 0.5}
    found, steps = steps_of(scored, {"plain": PLAIN, "new": ADJUSTED}, goal=goal)
    assert found.choice is None
    assert [step.sentence for step in steps] == [
        "Add what a first verdict lacks: 4 of rust, no relatives of the images that there are."
    ]
    assert "since rust must have 10 training images" in reason(found)
    assert "Lacking are 4 of rust." in reason(found)


def test_the_images_that_would_prove_a_gain_are_those_that_its_noise_asks_for() -> None:
    """With one other strategy the interval is that of one normal: its half is 1.96 standard errors."""
    counts, groups = {"common": 400, "rare": 60}, np.array([400, 60])
    plain = scored_by(counts, {"common": 300, "rare": 20})
    decided, rare = plain.decisions[0].copy(), np.flatnonzero(plain.labels == 1)
    decided[rare[15:20]], decided[rare[20:33]] = 0, 1  # 13 are found that were not, 5 no longer
    new = Scored(plain.classes, plain.image_ids, plain.labels, plain.groups, np.eye(2)[decided][None])
    found, steps = steps_of({"plain": plain, "new": new}, {"plain": PLAIN, "new": ADJUSTED})
    assert (found.recommended, found.verdicts["new"]) == ("new", "unclear")
    gain = max(found.bets["new"].gain, found.margin)
    change = found.differences["new"]
    error = (change.high - change.low) / 2 / norm.ppf(0.975)  # all of it from the rare class
    wanted = groups[1] * (error * (norm.ppf(0.975) + norm.ppf(0.8)) / gain) ** 2 - groups[1]
    told = int(steps[0].sentence.split("images: ")[1].split(" of rare")[0].replace(",", ""))
    assert wanted <= told <= 1.11 * wanted + 1, "rounded upwards to two digits"
    assert steps[0].sentence.endswith("of rare (now 60).")
    assert f"a gain of +{gain:.3f} balanced accuracy" in steps[0].sentence
    _, steps = steps_of(
        {"plain": plain, "new": new}, {"plain": PLAIN, "new": ADJUSTED}, goal={"name": "recall_at_precision"}
    )
    assert " in the recall of rare at a precision of 0.8" in steps[0].sentence.split(" with new")[0]


def test_a_model_that_reaches_nothing_of_the_goal_is_not_offered_for_use() -> None:
    nothing = scored_by({"common": 300, "rare": 60}, {"common": 300, "rare": 0})
    found, steps = steps_of({"plain": nothing}, {"plain": PLAIN}, goal={"name": "recall_at_precision"})
    assert found.reached("plain").value == 0
    assert not any("predict" in step.command for step in steps)
    _, steps = steps_of({"plain": nothing}, {"plain": PLAIN})
    assert steps[-1].command == "equipoise predict recommended FOLDER"


def test_a_class_that_cannot_be_measured_is_told_with_what_it_lacks() -> None:
    counts = {"common": 300, "rare": 60, "scab": 7}
    scored = {
        "plain": scored_by(counts, {"common": 280, "rare": 10, "scab": 2}),
        "new": scored_by(counts, {"common": 280, "rare": 50, "scab": 2}),
    }
    _, steps = steps_of(scored, {"plain": PLAIN, "new": ADJUSTED})
    assert steps[0].sentence.startswith("scab is in no verdict: add 3 of scab")
    assert steps[-1] == Step("Use the model of new on new images.", "equipoise predict recommended FOLDER")


def test_where_precision_is_lost_a_goal_that_keeps_it_is_named() -> None:
    counts = {"a_rare": 60, "common": 400}
    scored = {
        "plain": scored_by(counts, {"a_rare": 30, "common": 400}, false_alarms=10),
        "new": scored_by(counts, {"a_rare": 55, "common": 400}, false_alarms=80),
    }
    strategies = {"plain": PLAIN, "new": ADJUSTED}
    _, steps = steps_of(scored, strategies)
    assert f"takes the precision of a_rare from {30 / 40:.3f} to {55 / 135:.3f}" in steps[0].sentence
    between = f"{(30 / 40 + 55 / 135) / 2:.2f}"
    assert steps[0].command == f"equipoise run --set 'compare.goal={{name: recall_at_precision, precision: {between}}}'"
    found, steps = steps_of(scored, strategies, guard={"recall_of": "common", "may_fall": 1.0})
    assert found.recommended == "new"
    assert steps[0].command.endswith("posthoc.tau=0.5"), "the guarded class's precision rose, and accuracy fell"
    _, steps = steps_of(scored, strategies, goal={"name": "recall_at_precision", "precision": 0.75})
    assert not any("compare.goal" in step.command for step in steps), "it is the goal already"


def test_the_goal_that_keeps_a_tiny_precision_is_one_that_the_parameters_take(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    counts = {"a_rare": 40, "b": 60, "common": 5000}
    scored = {
        "plain": scored_by(counts, {"a_rare": 1, "b": 20, "common": 5000}, false_alarms=300),
        "new": scored_by(counts, {"a_rare": 1, "b": 55, "common": 5000}, false_alarms=400),
    }
    _, steps = steps_of(scored, {"plain": PLAIN, "new": ADJUSTED})
    command = next(step.command for step in steps if "compare.goal" in step.command)
    params, _ = changed(tmp_path / "params.yaml", [shlex.split(command)[-1]])
    assert params.compare.goal.model_dump()["precision"] == 0.01


def test_where_accuracy_is_lost_a_milder_form_is_named() -> None:
    counts = {"a_rare": 60, "b": 60, "common": 400}
    plain = scored_by(counts, {"a_rare": 10, "b": 20, "common": 400})
    new = scored_by(counts, {"a_rare": 45, "b": 20, "common": 400})
    decided = new.decisions[0].copy()
    decided[np.flatnonzero(new.labels == 2)[:90]] = 1
    new = Scored(new.classes, new.image_ids, new.labels, new.groups, np.eye(3)[decided][None])
    for part, value, assignment in (
        ("posthoc", {"name": "logit_adjustment", "tau": 1.0}, "strategies.new.posthoc.tau=0.5"),
        ("sampler", {"name": "class_balanced"}, "strategies.new.sampler.name=square_root"),
        ("loss", {"name": "weighted_cross_entropy", "weights": "balanced"}, "strategies.new.loss.weights=inverse_sqrt"),
        ("loss", {"name": "focal", "alpha": "balanced"}, "strategies.new.loss.alpha=none"),
        ("loss", {"name": "logit_adjusted", "tau": 1.0}, "strategies.new.loss.tau=0.5"),
        ("loss", {"name": "binary_cross_entropy", "pos_weight": "balanced"}, "strategies.new.loss.pos_weight=none"),
        ("recipe", "oversampled", "'compare.goal={name: macro_f1}'"),
    ):
        found, steps = steps_of({"plain": plain, "new": new}, {"plain": PLAIN, "new": PLAIN | {part: value}})
        assert found.recommended == "new"
        lost = [step for step in steps if step.sentence.startswith("new takes accuracy from")]
        assert [step.command for step in lost] == [f"equipoise run --set {assignment}"]


def test_where_nothing_helps_finer_images_and_an_untried_remedy_are_named_and_never_more_than_three_steps() -> None:
    counts = {"common": 400, "rare": 60}
    scored = {name: scored_by(counts, {"common": 300, "rare": 20}) for name in ("plain", "new")}
    found, steps = steps_of(scored, {"plain": PLAIN, "new": ADJUSTED}, image_side=500)
    assert found.recommended == "plain"
    assert steps[0].command == "equipoise run --set backbones.efficientnet_lite0.image_size=224"
    assert steps[1].sentence.startswith("Try class_balanced, which no strategy has")
    _, steps = steps_of(scored, {"plain": PLAIN, "new": ADJUSTED}, image_side=100)
    assert not any("image_size" in step.command for step in steps), "the images have no more pixels"
    told = (Step("The ceiling is near."), Step("Second."), Step("Third."), Step("Fourth."))
    _, steps = steps_of(scored, {"plain": PLAIN, "new": ADJUSTED}, image_side=500, more=told)
    assert steps == list(told[:MOST])


@pytest.mark.parametrize("name", [remedy[0] for remedy in REMEDIES])
def test_the_lines_to_type_are_taken_by_the_parameters(name: str, tmp_path: Path) -> None:
    """Each remedy's line, with this repository's own parameters less all strategies that have it."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    own = load_params(tmp_path / "params.yaml")
    tried = REMEDIES[: [remedy[0] for remedy in REMEDIES].index(name)]
    strategies = {"plain": PLAIN} | {one: PLAIN | {key: settings} for one, key, settings, _ in tried}
    counts = {"common": 400, "rare": 60}
    scored = {one: scored_by(counts, {"common": 300, "rare": 20}) for one in strategies}
    _, steps = steps_of(scored, strategies)
    words = shlex.split(next(step.command for step in steps if step.sentence.startswith("Try ")))
    assert words[:3] == ["equipoise", "run", "--set"]
    assert words[3].startswith(f"strategies.{name}=")
    params, _ = changed(tmp_path / "params.yaml", [words[3].replace(f"strategies.{name}=", "strategies.made_anew=")])
    made = params.strategies["made_anew"]
    key, settings = next((key, settings) for one, key, settings, _ in REMEDIES if one == name)
    assert made.components[key].name == settings["name"]
    assert made.recipe == own.strategies["plain"].recipe
    assert made.family == own.strategies["plain"].family


def test_the_lines_that_change_a_strategy_or_backbone_are_taken_too(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    for assignment in (
        "backbones.efficientnet_lite0.image_size=224",
        "strategies.logit_adjusted.posthoc.tau=0.5",
        "strategies.balanced_sampling.sampler.name=square_root",
        "strategies.balanced_weights.loss.weights=inverse_sqrt",
        "strategies.balanced_focal.loss.alpha=none",
        "compare.goal={name: macro_f1}",
        "compare.goal={name: recall_at_precision, of: rare, precision: 0.75}",
    ):
        changed(tmp_path / "params.yaml", [assignment])
