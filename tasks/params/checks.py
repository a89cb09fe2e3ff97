"""What the sections of `params.yaml` say of each other: names that must exist, and choices that can't work together.

Pydantic tells what is wrong with each field; these rules are applied beside it, to the items that are right by
themselves, so that all mistakes are told at once: people mend a file once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tasks.model_folders import ModelFolder
from tasks.model_folders.pinned import PinnedFolder
from tasks.params.models import IDLE, NONE, Ensemble, Params, Recipe, Split, Strategy
from tasks.registry import components
from tasks.train.last_layer import LastLayer

MAKE_FEATURES = ("backbones", "pretrain")  # sections whose entries are what strategies call backbones
PRETRAINED = "backbones"  # the folder of `models` that holds what stage pretrain makes
Mistake = dict[str, Any]  # as pydantic tells one: `type`, `loc`, `input`, `ctx`


@dataclass(frozen=True)
class NamedModel:
    """A model of another library that the parameters name.

    Attributes
    ----------
    loc
        The path of keys to it.
    model
        The model.
    image_size
        Pixels a side of the images that it is to see.
    frozen
        How many of its stages are to stay as they are, at most.
    """

    loc: tuple[str, ...]
    model: ModelFolder
    image_size: int
    frozen: int


def contradictions(data: Any) -> list[Mistake]:
    """Every name in the plain data of `params.yaml` that leads nowhere, and every choice that can't work."""
    sections = data if isinstance(data, dict) else {}
    recipes, strategies, pretrained = (_valid(name, sections) for name in ("recipes", "strategies", "pretrain"))
    return [
        *_lost_names(sections),
        *_reserved(sections),
        *_refused_splits(_section(sections, "split")),
        *(mistake for name, recipe in recipes.items() for mistake in _refused_recipe(name, recipe)),
        *_refused_with_repeats(recipes, _section(sections, "split").get("repeats")),
        *_refused_pretraining(pretrained, _section(sections, "split").get("repeats")),
        *(mistake for name, one in strategies.items() for mistake in _refused_candidates(name, one, pretrained)),
        *_refused_ensembles(sections, _valid("ensembles", sections), strategies),
        *_refused_votes(strategies, _section(sections, "train").get("seeds")),
        *_refused_folders(_valid("backbones", sections), strategies, pretrained, _valid("generators", sections)),
        *_refused_on_recipe(recipes, strategies, sections),
    ]


def _section(data: Any, *keys: str) -> dict[str, Any]:
    """The mapping at `keys`; empty where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _valid(section: str, sections: dict[str, Any]) -> dict[str, Any]:
    """Those items of a section that are right by themselves."""
    kind: Any = Params.model_fields[section].annotation
    adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(kind)
    found: dict[str, Any] = {}
    for name, item in _section(sections, section).items():
        try:
            found |= adapter.validate_python({name: item})
        except ValidationError:
            continue
    return found


def combination(why: str, value: Any, *loc: str) -> Mistake:
    """A choice that can't work with others: `why`, and what to use instead."""
    return {"type": "combination", "loc": loc, "input": value, "ctx": {"message": why}}


def _lost_names(sections: dict[str, Any]) -> Iterator[Mistake]:
    backbones, recipes = [*_section(sections, "backbones")], [*_section(sections, "recipes")]
    pretrained = [*_section(sections, "pretrain")]

    def refer(names: list[str], *loc: str) -> Iterator[Mistake]:
        value = _section(sections, *loc[:-1]).get(loc[-1])
        if isinstance(value, str) and names and value not in names:
            yield {"type": "unknown_name", "loc": loc, "input": value, "ctx": {"names": names}}

    for name in recipes:
        yield from refer([NONE, *_section(sections, "generators")], "recipes", name, "synthetic", "generator")
    for name in _section(sections, "strategies"):
        yield from refer(recipes, "strategies", name, "recipe")
        yield from refer([*backbones, *pretrained, NONE], "strategies", name, "family", "backbone")
    for section in ("group", "explore", "synthesize", "balance"):
        yield from refer(backbones, section, "backbone")
    for section in MAKE_FEATURES:
        for name in _section(sections, section):
            chosen = _section(sections, section, name).get("recipes")
            for number, recipe in enumerate(chosen if isinstance(chosen, list) else []):
                if recipe not in recipes:
                    loc = (section, name, "recipes", number)
                    yield {"type": "unknown_name", "loc": loc, "input": recipe, "ctx": {"names": recipes}}
    strategies = [*_section(sections, "strategies")]
    yield from refer(strategies, "compare", "baseline")
    for name, item in _section(sections, "ensembles").items():
        members = item.get("members") if isinstance(item, dict) else None
        for number, member in enumerate(members if isinstance(members, list) else []):
            if isinstance(member, str) and member not in strategies and member not in _section(sections, "ensembles"):
                loc = ("ensembles", name, "members", number)
                yield {"type": "unknown_name", "loc": loc, "input": member, "ctx": {"names": strategies}}


def _reserved(sections: dict[str, Any]) -> Iterator[Mistake]:
    for section, what in {"generators": "generator", "backbones": "backbone", "pretrain": "backbone"}.items():
        if NONE in _section(sections, section):
            yield combination(f"none stands for no {what}; choose another name", NONE, section, NONE)
    for name in _section(sections, "backbones").keys() & _section(sections, "pretrain").keys():
        why = "the section backbones has this name too, and the features of both would stand in one place; change one"
        yield combination(why, name, "pretrain", name)
    if PRETRAINED in _section(sections, "strategies"):
        why = f"models/{PRETRAINED} holds what pretrain makes; choose another name"
        yield combination(why, PRETRAINED, "strategies", PRETRAINED)


def _refused_splits(section: dict[str, Any]) -> Iterator[Mistake]:
    try:
        split = Split.model_validate(section)
    except ValidationError:
        return
    if split.by != "class" and split.repeats > 1:
        why = f"with by: {split.by} the folds follow from the data and can't be drawn again; set repeats: 1"
        yield combination(why, split.repeats, "split", "repeats")


def _refused_recipe(name: str, recipe: Recipe) -> Iterator[Mistake]:
    """New images need transforms to be made with, and a number of synthetic ones a generator."""
    where = ("recipes", name)
    if recipe.synthetic.generator == NONE and recipe.synthetic.images is not None:
        why = "counts the images of a generator, but the generator is 'none': name one"
        yield combination(why, recipe.synthetic.images, *where, "synthetic", "images")
    if recipe.augment.name == NONE:
        return
    if recipe.preset.name == NONE:
        presets = ", ".join(one for one in components("tasks.balance.presets") if one != NONE)
        why = f"'none' makes no new images, but augment is {recipe.augment.name!r}; choose a preset: {presets}"
        yield combination(why, NONE, *where, "preset", "name")
    elif not recipe.preset.steps() and (key := {"listed": "transforms", "custom": "pipeline"}.get(recipe.preset.name)):
        why = f"{recipe.preset.name!r} changes nothing without {key}; write some below that key"
        yield combination(why, recipe.preset.name, *where, "preset", "name")


def _refused_pretraining(pretrained: Mapping[str, Any], repeats: Any) -> Iterator[Mistake]:
    """Networks of the folds, which in another draw of the folds would have seen what they are scored on."""
    for name, method in pretrained.items():
        if method.per_fold and isinstance(repeats, int) and repeats > 1:
            why = (
                f"a network a fold is fitted, and with split.repeats: {repeats} the folds are drawn anew, so that it "
                "would have seen images that a model is scored on; set split.repeats: 1"
            )
            yield combination(why, method.name, "pretrain", name, "name")


def _refused_candidates(name: str, strategy: Strategy, pretrained: Mapping[str, Any]) -> Iterator[Mistake]:
    """What can't work as the strategy stands, or else with settings that it may be given by `tune`."""

    def mistakes(one: Strategy) -> list[Mistake]:
        return [*_refused_network(name, one, pretrained), *_refused_strategy(name, one, pretrained)]

    family, found = strategy.family, mistakes(strategy)
    yield from found
    told = [mistake["loc"] for mistake in found]
    for values, candidate in zip(family.choices, family.candidates, strict=True) if family.tune else ():
        for mistake in mistakes(strategy.model_copy(update={"family": candidate})):
            if mistake["loc"] not in told:
                told.append(mistake["loc"])
                chosen = ", ".join(f"{key} {value}" for key, value in zip(family.tune, values, strict=True))
                why = f"with {chosen}: {mistake['ctx']['message']}, and leave out of tune what does not go with it"
                yield combination(why, chosen, "strategies", name, "family", "tune")


def _refused_network(name: str, strategy: Strategy, pretrained: Mapping[str, Any]) -> Iterator[Mistake]:
    """A network that is to begin with the weights of another."""
    method = pretrained.get(strategy.family.backbone)
    network = getattr(strategy.family, "network", None)
    if method and network is not None and network != method.network:
        chosen = ", ".join(f"{key}: {value}" for key, value in method.network.model_dump(mode="json").items())
        why = (
            f"backbone {strategy.family.backbone!r} was pretrained with another network; write "
            f"network: {{{chosen}}}, or backbone: none"
        )
        yield combination(why, network.name, "strategies", name, "family", "network", "name")


def _refused_strategy(name: str, strategy: Strategy, pretrained: Mapping[str, Any]) -> Iterator[Mistake]:
    """What a family can't make use of, and what it can't do without."""
    where, family = ("strategies", name), strategy.family
    sampler, mixing, loss, posthoc = strategy.sampler, strategy.mixing, strategy.loss, strategy.posthoc

    def refuse(key: str, why: str) -> Mistake:
        chosen = getattr(strategy, key).name
        return combination(f"{chosen!r} {why}", chosen, *where, key, "name")

    if sampler.inputs not in ("any", family.inputs):
        yield refuse(
            "sampler",
            f"makes rows between feature vectors, but family {family.name!r} works on images, where that would blend "
            "two pictures into one that is none; choose a family on features (head), or sampler: "
            "{name: class_balanced}",
        )
    if why := family.against(sampler):
        yield refuse("sampler", why)
    if mixing.inputs not in ("any", family.inputs):
        yield refuse(
            "mixing",
            f"cuts regions out of images, but family {family.name!r} works on features, which have none; choose a "
            f"recipe with mixed: {{name: {mixing.name}}}, which stores such images, or mixing: {{name: mixup}}",
        )
    if "loss" in family.takes and loss.name == NONE:
        yield refuse(
            "loss", f"minimises nothing, and family {family.name!r} needs a loss; write {{name: cross_entropy}}"
        )
    if loss.cosine_scale is not None and loss.cosine_scale != family.cosine_scale:
        with_cosines = family.name if isinstance(family, LastLayer) else "head"
        yield refuse(
            "loss",
            f"sets margins between cosines times {loss.cosine_scale:g}, which family {family.name!r} does not give as "
            f"it is set; write classifier: cosine, scale: {loss.cosine_scale:g} in family: {{name: {with_cosines}}}, "
            "or choose loss: {name: balanced_softmax}",
        )
    if loss.one_vs_rest and "loss" in family.takes and not family.reads_sigmoids:
        able = [name for name, one in components("tasks.train.families").items() if one.reads_sigmoids]
        yield refuse(
            "loss",
            f"reads a sigmoid a class, and family {family.name!r} a softmax; choose family {' or '.join(able)}, or "
            "loss: {name: balanced_softmax}",
        )
    stage = getattr(family, "second_stage", None)
    if stage is not None and stage.changes == "classifier" and loss.one_vs_rest:
        yield refuse(
            "loss",
            f"reads a sigmoid a class, and second_stage {stage.name!r} gives scores that are read as a softmax; choose "
            "loss: {name: cross_entropy}, or second_stage: {name: none}",
        )
    acts_on = strategy.schedule.acts_on
    active = {"loss": loss.weighs, "sampler": sampler.name != IDLE["sampler"], "mixing": mixing.name != NONE}
    if acts_on and "schedule" in family.takes and not any(active[key] for key in acts_on):
        wanted = {"loss": "a loss with class weights", "sampler": "a sampler", "mixing": "a mixing"}
        choices = " or ".join(text for key, text in wanted.items() if key in acts_on)
        yield refuse(
            "schedule", f"would change nothing: it needs {choices}; choose one, or write {{name: {IDLE['schedule']}}}"
        )
    for key in ("loss", "sampler", "mixing", "schedule"):
        if key not in family.takes and getattr(strategy, key).name != IDLE[key]:
            why = f"would change nothing: family {family.name!r} takes no {key}; write {{name: {IDLE[key]}}}"
            yield refuse(key, why)
    if family.score not in posthoc.kinds:
        yield refuse(
            "posthoc",
            f"works on {' or '.join(posthoc.kinds)} scores, but family {family.name!r} gives {family.score} scores; "
            + ("write {name: threshold}" if family.score == "anomaly" else "write {name: none}"),
        )
    backbone = family.backbone
    begins = family.begins_pretrained and backbone in pretrained
    if (backbone == NONE) == (family.inputs == "features") and not begins:
        why = (
            f"family {family.called} works on features and needs a backbone: name one"
            if backbone == NONE
            else f"family {family.called} works on images and uses no backbone; write none"
            + (", or a name of the section pretrain, with whose weights it is to begin" * family.begins_pretrained)
        )
        yield combination(why, backbone, *where, "family", "backbone")


def _refused_folders(
    backbones: Mapping[str, Any],
    strategies: Mapping[str, Strategy],
    pretrained: Mapping[str, Any],
    generators: Mapping[str, Any],
) -> Iterator[Mistake]:
    """Models of other libraries, and images made elsewhere, that name none."""
    for loc, one in pinned_folders(backbones, strategies, pretrained, generators):
        if one.against:
            yield combination(one.against, one.folder, *loc, "folder")


def pinned_folders(
    backbones: Mapping[str, Any],
    strategies: Mapping[str, Strategy],
    pretrained: Mapping[str, Any],
    generators: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, ...], PinnedFolder]]:
    """Every folder of the user's that the parameters pin by a digest, with the path of keys to it."""
    yield from ((one.loc, one.model) for one in model_folders(backbones, strategies, pretrained))
    yield from ((("generators", name), one) for name, one in generators.items() if isinstance(one, PinnedFolder))


def model_folders(
    backbones: Mapping[str, Any], strategies: Mapping[str, Strategy], pretrained: Mapping[str, Any]
) -> Iterator[NamedModel]:
    """Every model of another library that the parameters name."""
    users: dict[tuple[str, ...], Any] = {("backbones", name): one for name, one in backbones.items()}
    users |= {("strategies", name, "family"): one.family for name, one in strategies.items()}
    users |= {("pretrain", name): one for name, one in pretrained.items()}
    for loc, user in users.items():
        is_model = isinstance(user, ModelFolder)
        model = user if is_model else getattr(user, "network", None)
        if isinstance(model, ModelFolder):
            frozen = max(getattr(one, "frozen", 0) for one in (user, getattr(user, "second_stage", None)))
            yield NamedModel(loc if is_model else (*loc, "network"), model, user.image_size, frozen)


def _refused_ensembles(
    sections: dict[str, Any], ensembles: Mapping[str, Ensemble], strategies: Mapping[str, Strategy]
) -> Iterator[Mistake]:
    """Ensembles of ensembles, of one, and of scores that have nothing in common."""
    for name, ensemble in ensembles.items():
        where = ("ensembles", name)
        if name in _section(sections, "strategies"):
            yield combination("is the name of a strategy as well; choose another one", name, *where)
        if len(ensemble.members) < 2:
            why = "an ensemble of one is that one; name two strategies or more, or leave it out"
            yield combination(why, ensemble.members, *where, "members")
        for member in ensemble.members:
            if member in _section(sections, "ensembles") and member not in _section(sections, "strategies"):
                why = (
                    f"{member!r} is an ensemble, and members are strategies, so that none is made of itself; name the "
                )
                yield combination(f"{why}members of {member!r}", member, *where, "members")
            elif member in strategies and strategies[member].family.score == "anomaly":
                why = (
                    f"{member!r} gives anomaly scores, which are on a scale of their own and no probabilities, so "
                    "there is no mean of them and others; leave it out"
                )
                yield combination(why, member, *where, "members")
        if twice := [one for one in dict.fromkeys(ensemble.members) if ensemble.members.count(one) > 1]:
            why = f"{twice[0]!r} stands there more than once; name it once, and say what it counts for by weights"
            yield combination(why, twice[0], *where, "members")
        if ensemble.fit_weights and ensemble.of == "scores":
            why = "weights are fitted as those of a mixture of probabilities; write of: probabilities, or state weights"
            yield combination(why, True, *where, "fit_weights")
        if ensemble.fit_weights and ensemble.weights:
            why = "finds the weights, and there are some in weights; write weights: null, or leave fit_weights out"
            yield combination(why, True, *where, "fit_weights")
        if ensemble.weights is not None and {*ensemble.weights} != {*ensemble.members}:
            other = sorted({*ensemble.weights} ^ {*ensemble.members})
            why = (
                f"there must be a weight for each member and for no other ({', '.join(other)}); state them so, or null"
            )
            yield combination(why, ensemble.weights, *where, "weights")


def _refused_votes(strategies: Mapping[str, Strategy], seeds: Any) -> Iterator[Mistake]:
    """Votes of one, and of what has no probabilities."""
    for name, strategy in strategies.items():
        vote, where = strategy.vote, ("strategies", name, "vote")
        if vote.seeds and seeds == 1:
            why = "with train.seeds: 1 there is one seed, which has nobody to vote with; set train.seeds: 3, or leave "
            yield combination(f"{why}vote.seeds out", True, *where, "seeds")
        if vote.of != "probabilities" and not (vote.seeds or vote.folds):
            why = (
                "says what a vote is the mean of, and nobody votes; set vote.seeds or vote.folds, or leave vote.of out"
            )
            yield combination(why, vote.of, *where, "of")
        if (vote.seeds or vote.folds) and vote.of == "probabilities" and strategy.family.score == "anomaly":
            why = f"family {strategy.family.name!r} gives anomaly scores, which are no probabilities; write of: scores"
            yield combination(why, vote.of, *where, "of")


def _refused_with_repeats(recipes: Mapping[str, Recipe], repeats: Any) -> Iterator[Mistake]:
    """Recipes that choose images by others of their fold, which in another draw of the folds lie in several."""
    for name, recipe in recipes.items():
        if isinstance(repeats, int) and repeats > 1 and recipe.resample.needs_features:
            chosen = recipe.resample.name
            why = (
                f"{chosen!r} compares the images of a fold, and with split.repeats: {repeats} the folds are drawn "
                "anew, so that images would be chosen by those that a model is scored on; set repeats: 1"
            )
            yield combination(why, chosen, "recipes", name, "resample", "name")


def _changes(recipe: Recipe) -> tuple[str, ...]:
    """What makes or leaves out rows, by name."""
    return recipe.resample.name, recipe.augment.name, recipe.mixed.name, recipe.synthetic.generator


def _refused_on_recipe(
    recipes: Mapping[str, Recipe], strategies: Mapping[str, Strategy], sections: dict[str, Any]
) -> Iterator[Mistake]:
    """What can't work with the mixed rows, or the counts, of its recipe; backbones that skip its new images."""
    for name, strategy in strategies.items():
        recipe = recipes.get(strategy.recipe)
        reasons = {
            "family": strategy.family.against_mixed_rows(),
            "sampler": strategy.sampler.not_on_mixed_rows,
            "mixing": strategy.mixing.not_on_mixed_rows,
        }
        for key, why in reasons.items() if recipe and recipe.mixed.name != NONE else ():
            chosen = getattr(strategy, key)
            if why:
                why = f"{chosen.name!r} {why}, and recipe {strategy.recipe!r} makes mixed rows; choose one with mixed: "
                yield combination(f"{why}{{name: none}}", chosen.name, "strategies", name, key, "name")
        why = strategy.family.against_other_counts()
        if why and recipe and any(part != NONE for part in _changes(recipe)):
            why = f"{strategy.family.name!r} {why}, or choose a recipe that changes nothing"
            yield combination(why, strategy.family.name, "strategies", name, "family", "name")
        backbone = strategy.family.backbone
        for section in MAKE_FEATURES:
            chosen = _section(sections, section, backbone).get("recipes")
            if recipe and isinstance(chosen, list) and strategy.recipe not in chosen:
                why = (
                    f"backbone {backbone!r} embeds no new images of recipe {strategy.recipe!r}; add it to "
                    f"{section}.{backbone}.recipes"
                )
                yield combination(why, backbone, "strategies", name, "family", "backbone")
