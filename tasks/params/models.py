"""What may stand in `params.yaml`: one model a section, bounds and descriptions beside each field.

A field that is true of one section alone is checked here; what sections say of each other, in `tasks.params.checks`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from tasks.balance.augment import Augment
from tasks.balance.mixed import MixedImages
from tasks.balance.presets import Preset
from tasks.balance.resample import Resample
from tasks.errors import InputError, require_classes
from tasks.features.backbones import Backbone
from tasks.goals import Goal
from tasks.goals.balanced_accuracy import BalancedAccuracy
from tasks.pretrain.methods import Method
from tasks.registry import Component, OneOf
from tasks.synthesize.gates.settings import Selection
from tasks.synthesize.generators import Generator
from tasks.train.families import Family
from tasks.train.losses import Loss
from tasks.train.mixing import Mixing
from tasks.train.posthoc import PostHoc
from tasks.train.samplers import Sampler
from tasks.train.schedules import Schedule
from tasks.train.voting import Of

STAGES = (
    "ingest",
    "embed",
    "group",
    "split",
    "explore",
    "synthesize",
    "pretrain",
    "balance",
    "embed_new",
    "train",
    "ensemble",
    "audit",
    "evaluate",
    "compare",
)

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="Seed of every random choice of this stage.")]


def one_capture(pattern: str) -> str:
    """A regular expression with a capture group, or nothing."""
    if not pattern:
        return pattern
    try:
        captures = re.compile(pattern).groups
    except re.error as error:
        raise PydanticCustomError(
            "pattern", "not a regular expression: {error}; mend it, or leave it empty", {"error": str(error)}
        ) from None
    if captures < 1:
        raise PydanticCustomError("pattern", "the regular expression needs parentheses around what names the group")
    return pattern


class Section(BaseModel):
    """A part of `params.yaml`: unknown keys are mistakes, values don't change once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Ingest(Section):
    """Opening every file once."""

    max_pixels: int = Field(100_000_000, ge=1, description="A larger image is set aside.")
    depth: Literal["auto", 10, 12, 14, 16] = Field(
        "auto", description="Bits of 16-bit values that are shown; auto: those that the images use."
    )
    max_failed_share: float = Field(0.05, ge=0, le=1, description="More unreadable files than this stop the run.")
    rename: dict[str, str] = Field(
        default_factory=dict, description="Old class: new class; merges where new ones agree."
    )
    drop: list[str] = Field(default_factory=list, description="Classes to leave out.")
    min_images: int = Field(20, ge=2, description="A class with fewer images is refused.")
    class_level: int = Field(
        0, ge=0, le=9, description="Which folder names the class, 1 the first below the parts; 0: what repeats says it."
    )
    parts: dict[str, Literal["train", "val", "test", "none", "class"]] = Field(
        default_factory=dict, description="What folders beside train are; none leaves one out, class says it is none."
    )
    group_column: str = Field(
        "", description="The column of data/raw/table.csv that tells who belongs together, if it isn't called group."
    )
    meant: list[str] = Field(
        default_factory=list, description="Labels that look like several, or like another, and are names of classes."
    )


class Group(Section):
    """Who is related to whom."""

    backbone: str = Field(description="The backbone in whose features neighbours are looked for.")
    given: bool = Field(True, description="Images that share a group given by the user are relatives.")
    content: bool = Field(True, description="Images with the same pixels are relatives.")
    name_pattern: Annotated[str, AfterValidator(one_capture)] = Field(
        "",
        description="A regular expression on the path; images whose first captures agree are relatives. Empty: none.",
    )
    near: bool = Field(True, description="Near-duplicates, and one object in several lights, are relatives.")
    radius: int = Field(
        10, ge=0, le=16, description="Bits of the 64-bit perceptual hash in which candidates may differ."
    )
    neighbours: int = Field(
        3, ge=0, le=50, description="Nearest images, in features and in detail, that are candidates."
    )
    turned: Literal["auto", "none", "mirrored", "all"] = Field(
        "auto",
        description="Whether mirrored or all turned copies are looked for; auto: mirrored, unless images look alike.",
    )
    max_size: int = Field(
        50, ge=2, description="A larger group of near-duplicates is refused and reported, not merged."
    )


class Split(Section):
    """Held-out test part and folds."""

    by: Literal["class", "time", "group"] = Field(
        "class",
        description="Stratified by class; or the latest images are the test part; or a fold is one given group.",
    )
    test_share: float = Field(0.2, gt=0, lt=1, description="Share of the images held out as the test part.")
    folds: int = Field(5, ge=2, le=50, description="Number of cross-validation folds of the training part.")
    repeats: int = Field(1, ge=1, le=20, description="Draws of the folds; the test part is the same in all.")
    seed: Seed = 0
    test_from: Literal["given", "val", "train"] = Field(
        "given",
        description=(
            "Where the test part comes from: images with the given part test, or else without a part; the given part "
            "val; or the given part train as well."
        ),
    )
    frozen: bool = Field(True, description="Images keep the place that data/frozen.csv gives them.")
    relatives: Literal["stop", "exclude"] = Field(
        "stop",
        description=(
            "Relatives that given or frozen places put on different sides: stop, or exclude those in training "
            "(test is kept before val, val before train)."
        ),
    )
    accept: list[Literal["given", "content", "name", "near"]] = Field(
        default_factory=list,
        description="Kinds of relatives that may lie on different sides: leaks that you accept.",
    )


class Explore(Section):
    """The report on the data."""

    backbone: str = Field(description="The backbone whose features are looked at.")
    thumbnails: int = Field(8, ge=0, le=100, description="Sample images a class in the report.")
    permutations: int = Field(200, ge=20, le=10_000, description="Shufflings of the labels behind a p-value.")
    detector: str = Field("", description="Folder of an object detector of transformers; empty: none.")
    seed: Seed = 0


class Synthesize(Section):
    """What all generators share."""

    backbone: str = Field(description="The backbone in whose features the gates compare images.")
    surplus: float = Field(0.2, ge=0, le=10, description="Share of images made in excess, for those that gates drop.")
    selection: Selection = Field(
        default_factory=lambda: Selection.model_validate({}), description="Which images are kept."
    )
    seed: Seed = 0


class Balance(Section):
    """What all recipes share."""

    backbone: str = Field(description="The backbone in whose features rules that compare images do so.")
    seed: Seed = 0


class Train(Section):
    """What all strategies share."""

    seeds: int = Field(3, ge=1, le=100, description="Fits of every model, from different starts.")


class Audit(Section):
    """Do the traces of a recipe's transforms move predictions?"""

    images: int = Field(100, ge=10, le=100_000, description="Training images of the largest class that are audited.")
    copies: int = Field(2, ge=1, le=100, description="Changed versions of every audit image.")
    limit: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="A rise of the share taken for a minority that is certain to be above this holds a verdict back.",
    )


class Evaluate(Section):
    """Metrics and their intervals."""

    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence level of every interval.")
    draws: int = Field(1000, ge=100, le=100_000, description="Bootstrap draws.")
    recalls: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        default=[0.8, 0.9, 0.95], description="Recalls for which each class's operating points are chosen."
    )
    miss_costs: list[Annotated[float, Field(gt=0, le=1e9)]] = Field(
        default=[10.0], description="What a miss may cost, in false alarms: an operating point a class for each."
    )
    mix: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="Class shares where the model will be used; empty: those of the data."
    )
    seed: Seed = 0

    def require(self, classes: Sequence[str]) -> None:
        """Refuse a mix that doesn't name just the classes that there are (`InputError`)."""
        require_classes(self.mix, classes, "params.yaml: evaluate.mix")
        if self.mix and (missing := [label for label in classes if label not in self.mix]):
            raise InputError(
                f"params.yaml: evaluate.mix: the share of {', '.join(missing)} is missing; state one a class"
            )


class Guard(Section):
    """What no recommended strategy may do."""

    recall_of: str = Field("", description="The class whose recall is guarded; empty: the rarest that can be measured.")
    may_fall: float = Field(
        0.05, ge=0, le=1, description="By how much it may fall, as a share of what the baseline reaches."
    )

    def require(self, classes: Sequence[str]) -> None:
        """Refuse to guard a class that there isn't (`InputError`)."""
        require_classes([self.recall_of] if self.recall_of else [], classes, "params.yaml: compare.guard.recall_of")


class Compare(Section):
    """The verdicts."""

    baseline: str = Field("plain", description="The strategy that all others are compared with.")
    goal: Annotated[Goal, OneOf()] = Field(
        default_factory=BalancedAccuracy, description="What is wanted: what strategies are ranked and judged by."
    )
    margin: float = Field(
        0.1, gt=0, lt=1, description="A difference that changes the odds of being right by a smaller share is none."
    )
    guard: Guard = Field(default_factory=lambda: Guard.model_validate({}))

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, given: Any) -> Any:
        """Tell where `metric` went."""
        if isinstance(given, dict) and "metric" in given:
            instead = f"goal: {{name: {given['metric']}}}"
            raise PydanticCustomError(
                "renamed", "metric is goal now; write {instead} in its place", {"instead": instead}
            )
        return given


class Gate(Section):
    """When a model may become champion."""

    min_gain: float = Field(
        0.0, ge=-1, le=1, description="The lower end of the gain over the baseline must be above this."
    )
    over_champion: Literal["proved", "expected", "not_worse"] = Field(
        "expected",
        description=(
            "How its difference to the champion, on the same images, must stand: its lower end above 0, itself above "
            "0, or its upper end not below 0."
        ),
    )
    guard: bool = Field(
        True,
        description=(
            "Whether the recall of the guarded class must not fall against the champion, or the baseline if there is "
            "none, by more than compare.guard.may_fall."
        ),
    )
    max_calibration_error: float | None = Field(
        None, ge=0, le=1, description="The largest expected calibration error, out of fold; null: any."
    )
    audit: Literal["clean", "certain", "any"] = Field(
        "clean",
        description=("What the audit must say: no shortcut was found; that there is none, for certain; or anything."),
    )


class Track(Section):
    """MLflow."""

    experiment: Name = Field("equipoise", description="MLflow's experiment: one a dataset.")
    gate: Gate


class Release(Section):
    """What the cards of releases and models say and the data can't."""

    description: str = Field(default="", description="What the dataset shows, and what it is for.")
    license: str = Field(default="", description="The licence of the images, for instance CC BY-NC-SA 4.0.")
    sources: str = Field(default="", description="Where the images come from: names, addresses, who to cite.")
    intended_use: str = Field(default="", description="What models of these images are for, and for whom.")
    out_of_scope: str = Field(default="", description="What they must not be used for.")


class Run(Section):
    """The runner."""

    stage_timeout_minutes: float | None = Field(None, gt=0, description="A stage that takes longer is ended and fails.")


class Synthetic(Section):
    """Which synthetic images a recipe takes."""

    generator: str = Field(description="A generator's name, or none.")
    images: int | None = Field(None, ge=1, description="Images of the generator a class, at most; null: all.")


class Recipe(Section):
    """How a training set is balanced: resample, then augment, then mix, then add synthetic images."""

    resample: Annotated[Resample, OneOf()] = Field(description="How originals are drawn.")
    augment: Annotated[Augment, OneOf()] = Field(description="Which classes get new images.")
    preset: Annotated[Preset, OneOf()] = Field(description="Transforms that keep the label, which make new images.")
    mixed: Annotated[MixedImages, OneOf()] = Field(description="How two images are mixed into a new one.")
    synthetic: Synthetic


class Vote(Section):
    """Which fits of a strategy answer as one."""

    seeds: bool = Field(False, description="Whether the seeds of a model vote, and are judged, as one model.")
    folds: bool = Field(
        False, description="Whether the folds' models together are the final one, and none learns from all rows."
    )
    of: Of = Field("probabilities", description="Whose mean is taken: of probabilities or of scores.")

    @property
    def of_seeds(self) -> Of | None:
        """Of what the mean over the seeds is taken before any rule; None where they stand apart."""
        return self.of if self.seeds else None


class Strategy(Section):
    """A recipe plus a model family, a loss, a sampler, a mixing, a schedule and a post-hoc rule."""

    recipe: str = Field(description="A recipe's name.")
    family: Annotated[Family, OneOf()] = Field(description="The kind of model, with all that its fits need.")
    loss: Annotated[Loss, OneOf()] = Field(description="What training minimises.")
    sampler: Annotated[Sampler, OneOf()] = Field(description="Which rows are drawn, how often.")
    mixing: Annotated[Mixing, OneOf()] = Field(description="How batches are mixed in training.")
    schedule: Annotated[Schedule, OneOf()] = Field(description="What of these is in effect when.")
    posthoc: Annotated[PostHoc, OneOf()] = Field(description="What happens to scores after training.")
    vote: Vote = Field(default_factory=lambda: Vote.model_validate({}), description="Which fits answer as one.")

    @property
    def components(self) -> dict[str, Component]:
        """What it is made of, by the key that holds it."""
        return {key: getattr(self, key) for key in COMPONENTS}


class Ensemble(Section):
    """Strategies that answer together."""

    members: list[str] = Field(description="Names of strategies, two or more.")
    of: Of = Field("probabilities", description="Whose mean is taken: of probabilities or of scores.")
    weights: dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        None, description="What each member counts for; null: all alike."
    )
    fit_weights: bool = Field(False, description="Whether weights are found on out-of-fold predictions.")


COMPONENTS = tuple(name for name, field in Strategy.model_fields.items() if OneOf() in field.metadata)
NONE = "none"  # the name of what does nothing, and of no generator or backbone
# Components of a strategy that do nothing.
IDLE = {"loss": NONE, "sampler": "natural", "mixing": NONE, "schedule": "constant", "posthoc": NONE}


class Params(Section):
    """The whole of `params.yaml`."""

    ingest: Ingest
    backbones: dict[Name, Annotated[Backbone, OneOf()]] = Field(min_length=1)
    group: Group
    split: Split
    explore: Explore
    synthesize: Synthesize
    generators: dict[Name, Annotated[Generator, OneOf()]]
    pretrain: dict[Name, Annotated[Method, OneOf()]]
    balance: Balance
    recipes: dict[Name, Recipe] = Field(min_length=1)
    train: Train
    strategies: dict[Name, Strategy] = Field(min_length=1)
    ensembles: dict[Name, Ensemble]
    audit: Audit
    evaluate: Evaluate
    compare: Compare
    track: Track
    release: Release = Release()
    run: Run

    @property
    def judged(self) -> list[str]:
        """All that is evaluated and compared: strategies, then ensembles."""
        return [*self.strategies, *self.ensembles]

    def require(self, classes: Sequence[str]) -> None:
        """Refuse a class that there isn't (`InputError`): asked before anything is trained, though needed later."""
        self.compare.goal.require(classes)
        self.compare.guard.require(classes)
        self.evaluate.require(classes)
        for strategy in self.strategies.values():
            for component in strategy.components.values():
                component.require(classes)
        for generator in self.generators.values():
            generator.require(classes)

    def made_of(self, name: str) -> dict[str, Strategy]:
        """The strategies that an entry of the leaderboard is made of, by name: itself, or an ensemble's members."""
        members = self.ensembles[name].members if name in self.ensembles else [name]
        return {member: self.strategies[member] for member in members}
