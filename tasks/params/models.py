"""What may stand in `params.yaml`: one model a section, bounds and descriptions beside each field."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from tasks.params.composing import Composed, NameOf, attempt, combination, finish, mistake, refer
from tasks.registry import parts

STAGES = (
    "ingest",
    "embed",
    "group",
    "split",
    "explore",
    "synthesize",
    "balance",
    "embed_new",
    "train",
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
        raise PydanticCustomError("pattern", "{error}: not a regular expression", {"error": str(error)}) from None
    if captures < 1:
        raise PydanticCustomError("pattern", "the regular expression needs parentheses around what names the group")
    return pattern


class Section(BaseModel):
    """A part of `params.yaml`: unknown keys are mistakes, values don't change once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Ingest(Section):
    """Opening every file once."""

    max_pixels: int = Field(100_000_000, ge=1, description="A larger image is set aside.")
    max_failed_share: float = Field(0.05, ge=0, le=1, description="More unreadable files than this stop the run.")
    rename: dict[str, str] = Field(
        default_factory=dict, description="Old class: new class; merges where new ones agree."
    )
    drop: list[str] = Field(default_factory=list, description="Classes to leave out.")
    min_images: int = Field(20, ge=2, description="A class with fewer images is refused.")


class Embed(Section):
    """Feature vectors from the backbone."""

    backbone: Annotated[str, NameOf("tasks.features.backbones")] = Field(
        "efficientnet_lite0", description="The network whose pooled features are used."
    )
    image_size: int = Field(128, ge=32, le=1024, description="Pixels a side that the backbone sees.")
    resize: Literal["squash", "letterbox"] = Field("squash", description="How an image becomes square.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="bfloat16 is faster on some processors.")
    batch_size: int = Field(16, ge=1, le=1024, description="Images a forward pass; short batches are padded to it.")


class Group(Section):
    """Who is related to whom."""

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
    audit_images: int = Field(
        100,
        ge=0,
        le=100_000,
        description="Images of the largest class kept out of training for the audits of recipes; 0: none.",
    )
    frozen: bool = Field(True, description="Images keep the place that data/frozen.csv gives them.")
    accept: list[Literal["given", "content", "name", "near"]] = Field(
        default_factory=list,
        description="Kinds of relatives that may lie on different sides: leaks that you accept.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _check_repeats(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Folds that follow from the data can't be drawn again."""
        made, mistakes = attempt(data, handler)
        if made and made.by != "class" and made.repeats > 1:
            why = f"with by: {made.by} the folds follow from the data and can't be drawn again; set repeats: 1"
            mistakes.append(mistake(combination(why), ("repeats",), made.repeats))
        return finish(made, mistakes)


class Explore(Section):
    """The report on the data."""

    thumbnails: int = Field(8, ge=0, le=100, description="Sample images a class in the report.")
    permutations: int = Field(200, ge=20, le=10_000, description="Shufflings of the labels behind a p-value.")
    detector: str = Field("", description="Folder of an object detector of transformers; empty: none.")
    seed: Seed = 0


class Synthesize(Section):
    """What all generators share."""

    image_size: int = Field(32, ge=8, le=512, description="Pixels a side of a synthetic image.")
    seed: Seed = 0


class Balance(Section):
    """What all recipes share."""

    seed: Seed = 0


class Train(Section):
    """What all strategies share."""

    seeds: int = Field(3, ge=1, le=100, description="Fits of every model, from different starts.")
    steps: int = Field(
        320,
        ge=1,
        le=1_000_000,
        description="Optimiser steps of every fit, the same for all strategies: more rows don't train longer.",
    )
    batch_size: int = Field(256, ge=1, description="Rows an optimiser step.")
    learning_rate: float = Field(0.0015, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.1, ge=0, le=10, description="Decoupled weight decay of AdamW.")


class Audit(Section):
    """Do the traces of a recipe's transforms move predictions?"""

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
    resamples: int = Field(1000, ge=100, le=100_000, description="Bootstrap resamples.")
    seed: Seed = 0


class Compare(Section):
    """The verdicts."""

    baseline: str = Field("plain", description="The strategy that all others are compared with.")
    metric: Literal["balanced_accuracy", "macro_f1"] = Field(
        "balanced_accuracy", description="What strategies are ranked and judged by."
    )
    margin: float = Field(
        0.02, gt=0, lt=1, description="A difference whose whole interval lies within this counts as none."
    )


class Gate(Section):
    """When a model may become champion."""

    min_gain: float = Field(
        0.0, ge=-1, le=1, description="The lower end of the gain over the baseline must be above this."
    )


class Track(Section):
    """MLflow."""

    experiment: Name = Field("equipoise", description="MLflow's experiment: one a dataset.")
    gate: Gate


class Release(Section):
    """What the card of a release says and the data can't."""

    description: str = Field(default="", description="What the dataset shows, and what it is for.")
    license: str = Field(default="", description="The licence of the images, for instance CC BY-NC-SA 4.0.")
    sources: str = Field(default="", description="Where the images come from: names, addresses, who to cite.")


class Run(Section):
    """The runner."""

    stage_timeout_minutes: float | None = Field(None, gt=0, description="A stage that takes longer is ended and fails.")


class Recipe(Composed):
    """How a training set is balanced: resample, then augment, then mix, then add synthetic images."""

    resample: Annotated[str, NameOf("tasks.balance.resample")] = Field(description="How originals are drawn.")
    augment: Annotated[str, NameOf("tasks.balance.augment")] = Field(description="Which classes get new images.")
    transforms: Annotated[str, NameOf("tasks.balance.transforms")] = Field(
        description="Preset of label-keeping changes."
    )
    mix: Annotated[str, NameOf("tasks.balance.mix")] = Field(description="How two images are mixed into a new one.")
    synthetic: str = Field(description="A generator's name, or none.")
    synthetic_images: int | None = Field(None, ge=1, description="Images of the generator a class, at most; null: all.")

    def check_choice(self) -> dict[str, str]:
        """New images need a preset of changes to be made with."""
        if self.synthetic == "none" and self.synthetic_images is not None:
            return {"synthetic_images": "counts the images of a generator, but synthetic is 'none': name a generator"}
        if self.augment != "none" and self.transforms == "none":
            presets = ", ".join(name for name in parts("tasks.balance.transforms") if name != "none")
            why = f"'none' makes no new images, but augment is {self.augment!r}; choose a preset: {presets}"
            return {"transforms": why}
        key = {"listed": "techniques", "custom": "pipeline"}.get(self.transforms)
        if self.augment != "none" and key and not (self.model_extra or {}).get(key):
            return {"transforms": f"{self.transforms!r} changes nothing without {key}; write some below that key"}
        return {}


class Strategy(Composed):
    """A recipe plus a model family, a loss, a sampler, a mixing and a post-hoc rule."""

    recipe: str = Field(description="A recipe's name.")
    family: Annotated[str, NameOf("tasks.train.families")] = Field(description="The kind of model.")
    loss: Annotated[str, NameOf("tasks.train.losses")] = Field(description="What training minimises.")
    sampler: Annotated[str, NameOf("tasks.train.samplers")] = Field(description="Which rows are drawn, how often.")
    mixing: Annotated[str, NameOf("tasks.train.mixing")] = Field(description="How batches are mixed in training.")
    posthoc: Annotated[str, NameOf("tasks.train.posthoc")] = Field(description="What happens to scores after training.")

    def check_choice(self) -> dict[str, str]:
        """What makes rows between features needs a family on features, what cuts images one on images."""
        family: Any = parts("tasks.train.families")[self.family]
        sampler: Any = parts("tasks.train.samplers")[self.sampler]
        mixing: Any = parts("tasks.train.mixing")[self.mixing]
        wrong = {}
        if sampler.inputs not in ("any", family.inputs):
            wrong["sampler"] = (
                f"{self.sampler!r} makes rows between feature vectors, but family {self.family!r} works on images, "
                "where that would blend two pictures into one that is none; choose a family on features (head), "
                "or sampler: class_balanced"
            )
        if mixing.inputs not in ("any", family.inputs):
            wrong["mixing"] = (
                f"{self.mixing!r} cuts regions out of images, but family {self.family!r} works on features, which have "
                f"none; choose a recipe with mix: {self.mixing}, which stores such images, or mixing: mixup"
            )
        return wrong


class Generator(Composed):
    """A maker of synthetic images."""

    generator: Annotated[str, NameOf("tasks.synthesize.generators")] = Field(description="The kind of generator.")


class Params(Section):
    """The whole of `params.yaml`."""

    ingest: Ingest
    embed: Embed
    group: Group
    split: Split
    explore: Explore
    synthesize: Synthesize
    generators: dict[Name, Generator]
    balance: Balance
    recipes: dict[Name, Recipe] = Field(min_length=1)
    train: Train
    strategies: dict[Name, Strategy] = Field(min_length=1)
    audit: Audit
    evaluate: Evaluate
    compare: Compare
    track: Track
    release: Release = Release()
    run: Run

    @model_validator(mode="wrap")
    @classmethod
    def _check_references(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Every name that one section says of another must exist there; told also where other keys are wrong."""
        made, mistakes = attempt(data, handler)

        def section(*keys: str) -> dict[str, Any]:
            node = data
            for key in keys:
                node = node.get(key) if isinstance(node, dict) else None
            return node if isinstance(node, dict) else {}

        def check(names: list[str], *loc: str) -> None:
            value = section(*loc[:-1]).get(loc[-1])
            if isinstance(value, str) and names:
                try:
                    refer(value, names)
                except PydanticCustomError as error:
                    mistakes.append(mistake(error, loc, value))

        for name in section("recipes"):
            check(["none", *section("generators")], "recipes", name, "synthetic")
        for name in section("strategies"):
            check([*section("recipes")], "strategies", name, "recipe")
        if made:
            mistakes += refused_on_mixed_rows(made.recipes, made.strategies)
            mistakes += refused_with_repeats(made.recipes, made.split.repeats)
        check([*section("strategies")], "compare", "baseline")
        if "none" in section("generators"):
            why = "none stands for no generator; choose another name"
            mistakes.append(mistake(combination(why), ("generators", "none"), "none"))
        return finish(made, mistakes)


def refused_on_mixed_rows(recipes: dict[str, Recipe], strategies: dict[str, Strategy]) -> list[InitErrorDetails]:
    """Samplers and mixings of strategies that can't work with the rows of two classes that their recipe makes."""
    mistakes = []
    for name, strategy in strategies.items():
        recipe = recipes.get(strategy.recipe)
        for key in ("sampler", "mixing") if recipe and recipe.mix != "none" else ():
            chosen = getattr(strategy, key)
            if why := strategy.part(key).not_on_mixed_rows:
                why = f"{chosen!r} {why}, and recipe {strategy.recipe!r} makes mixed rows; choose one with mix: none"
                mistakes.append(mistake(combination(why), ("strategies", name, key), chosen))
    return mistakes


def refused_with_repeats(recipes: dict[str, Recipe], repeats: int) -> list[InitErrorDetails]:
    """Recipes that choose images by others of their fold, which in another draw of the folds lie in several."""
    mistakes = []
    for name, recipe in recipes.items():
        if repeats > 1 and recipe.part("resample").needs_features:
            why = (
                f"{recipe.resample!r} compares the images of a fold, and with split.repeats: {repeats} the folds are "
                "drawn anew, so that images would be chosen by those that a model is scored on; set repeats: 1"
            )
            mistakes.append(mistake(combination(why), ("recipes", name, "resample"), recipe.resample))
    return mistakes
