"""The parameters: what is accepted, how mistakes are told, how values are changed, and the schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tasks.errors import InputError
from tasks.params import load_params
from tasks.params.editing import set_values
from tasks.params.models import Params
from tasks.params.schema import SCHEMA, laid_out, params_schema
from tasks.registry import components

HEAD = "family: {name: head, backbone: efficientnet_lite0}"
WIDE = HEAD[:-1] + ", hidden: 16}"


@pytest.fixture(scope="module")
def text(repository: Path) -> str:
    return (repository / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def path(text: str, tmp_path: Path) -> Path:
    """A copy of the project's own `params.yaml`."""
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def change(path: Path, *replacements: tuple[str, str]) -> None:
    """Replace the first occurrence of each text."""
    text = path.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def first_change(before: str, after: str) -> int:
    """The number of the first line that differs."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return next(number for number, (a, b) in enumerate(pairs, start=1) if a != b)


def line(path: Path, start: str) -> int:
    """The number of the first line that starts so."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.startswith(start))


def mistakes(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        load_params(path)
    return str(error.value).splitlines()


def test_the_projects_own_parameters_are_right(repository: Path) -> None:
    params = load_params(repository / "params.yaml")
    assert len(params.strategies) >= 8
    assert params.strategies["focal"].loss.gamma == 2.0
    assert params.generators == {}


def test_each_section_and_key_is_written_out(repository: Path, text: str) -> None:
    """A knob that stands in no file is found by nobody."""
    params = load_params(repository / "params.yaml")
    for section in type(params).model_fields:
        value = getattr(params, section)
        if not isinstance(value, dict):
            assert value.model_fields_set == set(type(value).model_fields), section


def test_settings_of_a_component_stand_with_its_name(path: Path) -> None:
    change(path, ("gamma: 2.0", "gamma: 0.5"), (f"{HEAD}\n    loss: {{name: focal", f"{WIDE}\n    loss: {{name: focal"))
    focal = load_params(path).strategies["focal"]
    assert focal.loss.gamma == 0.5
    assert focal.family.hidden == 16


def test_where_the_metric_of_earlier_versions_went(path: Path) -> None:
    change(path, ("goal: {name: balanced_accuracy}", "metric: macro_f1"))
    (told,) = mistakes(path)
    assert "compare: metric is goal now; write goal: {name: macro_f1} in its place" in told


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("folds: 5", "folds: 1", "split.folds: 1 should be at least 2 (2 to 50)"),
        ("folds: 5", "folds: 51", "split.folds: 51 should be at most 50 (2 to 50)"),
        ("folds: 5", "folds: 2.5", "split.folds: 2.5 should be a whole number (2 to 50)"),
        ("folds: 5", "folds: five", "split.folds: 'five' should be a whole number (2 to 50)"),
        ("folds: 5", "folds: true", "split.folds: true should be a whole number (2 to 50)"),
        ("folds: 5", 'folds: "5"', "split.folds: '5' should be a whole number (2 to 50)"),
        ("folds: 5", "folds:", "split.folds: nothing stands here; it should be a whole number (2 to 50)"),
        ("test_share: 0.2", "test_share: 1", "split.test_share: 1 should be below 1 (above 0, below 1)"),
        ("test_share: 0.2", "test_share: .nan", "split.test_share: nan should be a finite number"),
        (
            HEAD,
            WIDE.replace("hidden: 16", "steps: fast"),
            "strategies.plain.family.steps: 'fast' should be a whole number",
        ),
        (
            HEAD,
            HEAD[:-1] + ", learning_rate: fast}",
            "strategies.plain.family.learning_rate: 'fast' should be a number",
        ),
        ("minutes: null", "minutes: 0", "run.stage_timeout_minutes: 0 should be above 0"),
        ("max_pixels: 100000000", "max_pixels: 0", "ingest.max_pixels: 0 should be at least 1"),
        ("given: true", "given: 1", "group.given: 1 should be true or false"),
        ("drop: []", "drop: scratches", "ingest.drop: 'scratches' should be a list, such as [a, b]"),
        ("rename: {}", "rename: [a]", "ingest.rename: ['a'] should be a mapping of names to values"),
        ("drop: []", "drop: [3]", "ingest.drop.0: 3 should be text"),
        (
            "depth: auto",
            "depth: 11",
            "ingest.depth: 11 is unknown; valid are auto, 10, 12, 14, 16",
        ),
        (
            "resize: squash",
            "resize: squish",
            "backbones.efficientnet_lite0.resize: 'squish' is unknown (did you mean 'squash'?); valid are squash, l",
        ),
        ("goal: {name: balanced_accuracy}", "goal: {name: accuracy}", "compare.goal.name: 'accuracy' is unknown"),
        (
            "experiment: equipoise",
            "experiment: solar cells",
            "track.experiment: 'solar cells' can't be a name; use up to 64 letters, digits, - and _",
        ),
        (
            "gamma: 2.0",
            "gama: 2.0",
            "strategies.focal.loss.gama: unknown key (did you mean 'gamma'?); valid are name, gamma, alpha",
        ),
        ("gamma: 2.0", "gamma: -1", "strategies.focal.loss.gamma: -1 should be at least 0 (0 to 10)"),
        ("gamma: 2.0", "gamma: strong", "strategies.focal.loss.gamma: 'strong' should be a number (0 to 10)"),
        (
            "alpha: none",
            "alpha: balance",
            "strategies.focal.loss.alpha: 'balance' is unknown (did you mean 'balanced'?); valid are none, balanced",
        ),
        (
            "name: focal",
            "name: focall",
            "strategies.focal.loss.name: 'focall' is unknown (did you mean 'focal'?); valid are asymmetric, balanced",
        ),
        (
            "recipe: oversampled",
            "recipe: oversample",
            "strategies.oversampled.recipe: 'oversample' is unknown (did you mean 'oversampled'?); valid are natural",
        ),
        ("baseline: plain", "baseline: pain", "compare.baseline: 'pain' is unknown (did you mean 'plain'?)"),
        (
            "{generator: none}",
            "{generator: gan}",
            "recipes.natural.synthetic.generator: 'gan' is unknown; valid are",
        ),
        ("  focal:", "  my focal:", "strategies.my focal: 'my focal' can't be a name; use up to 64 letters"),
        (
            "  focal:",
            "  2024:",
            "strategies.2024: 2024 can't be a name; use up to 64 letters, digits, - and _, in quotes if all are digits",
        ),
        (
            "\nsplit:",
            "\nsplitt:",
            "splitt: unknown key (did you mean 'split'?); valid are ingest, backbones, group, split,",
        ),
        (
            "  seeds: 3",
            "  sede: 3",
            "train.sede: unknown key (did you mean 'seeds'?); valid are seeds",
        ),
        ("generators: {}", "generators:", "generators: nothing stands here; it should be a mapping of names to values"),
        ("run:\n  stage_timeout_minutes: null ", "run: 8 ", "run: 8 should be a section with keys below it"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_its_remedy(
    path: Path, text: str, old: str, new: str, message: str
) -> None:
    change(path, (old, new))
    (told,) = mistakes(path)
    assert told.startswith(f"params.yaml:{first_change(text, path.read_text())}: {message}"), told


def test_a_missing_key_is_told_at_its_section(path: Path) -> None:
    change(path, ("    recipe: undersampled\n", ""), ("\ntrain:", "\n# train:"))
    change(path, ("\n  seeds: 3", "\n  # seeds: 3"))
    at = path.read_text().splitlines().index("  undersampled:") + 1
    assert mistakes(path) == [
        "params.yaml:1: train: missing; add the key 'train'",
        f"params.yaml:{at}: strategies.undersampled.recipe: missing; add the key 'recipe'",
    ]


def test_a_file_of_an_earlier_version_is_told_the_line_that_its_strategies_lack(path: Path, text: str) -> None:
    path.write_text(text.replace("    schedule: {name: constant}\n", ""), encoding="utf-8")
    told = mistakes(path)
    assert len(told) == text.count("schedule: {name: constant}")
    line = "strategies.plain.schedule: missing, earlier versions had none; add the line schedule: {name: constant}"
    assert told[0].endswith(line)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(path: Path) -> None:
    change(path, ("gamma: 2.0", "gama: 2.0"), ("folds: 5", "folds: 0"), ("image_size: 128", "image_size: big"))
    change(path, ("name: weighted_cross_entropy", "name: weighted"), ("confidence: 0.95", "confidence: 95"))
    change(path, ("recipe: oversampled", "recipe: oversample"), ("baseline: plain", "baseline: plane"))
    told = mistakes(path)
    assert [message.split(": ")[1] for message in told] == [
        "backbones.efficientnet_lite0.image_size", "split.folds", "strategies.balanced_weights.loss.name",
        "strategies.focal.loss.gama",
        "strategies.oversampled.recipe", "evaluate.confidence", "compare.baseline",
    ]  # fmt: skip
    numbers = [int(message.split(":")[1]) for message in told]
    assert numbers == sorted(numbers)


FOCAL_LOSS = "    loss: {name: focal, gamma: 2.0, alpha: none}  # alpha: none or balanced\n"
FOCAL = f"{HEAD}\n{FOCAL_LOSS}    sampler: {{name: natural}}"


def test_several_mistakes_of_one_strategy_are_told(path: Path) -> None:
    wrong = WIDE.replace("16", "-1") + "\n    loss: {name: focal, gamma: -1}\n    sampler: {name: naturl}"
    change(path, (FOCAL, wrong))
    assert [message.split(": ")[1] for message in mistakes(path)] == [
        "strategies.focal.family.hidden",
        "strategies.focal.loss.gamma",
        "strategies.focal.sampler.name",
    ]


def test_a_wrong_name_is_not_told_again_for_each_of_its_settings(path: Path) -> None:
    change(path, ("name: focal", "name: focall"))
    assert len(mistakes(path)) == 1


def test_unknown_keys_of_a_component_are_told_beside_wrong_values(path: Path) -> None:
    wrong = HEAD[:-1] + ", hiden: 3, hidden: -1}"
    change(path, (FOCAL, FOCAL.replace(HEAD, wrong).replace("gamma: 2.0", "gamma: -1")))
    assert [message.split(": ")[1] for message in mistakes(path)] == [
        "strategies.focal.family.hidden",
        "strategies.focal.family.hiden",
        "strategies.focal.loss.gamma",
    ]


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (
            "loss: focal",
            "strategies.focal.loss: write 'focal' as {name: focal}; valid are asymmetric, ",
        ),
        (
            "loss: fokal",
            "strategies.focal.loss: 'fokal' is unknown (did you mean 'focal'?); write it as {name: focal}; valid are",
        ),
        ("loss: xyz", "strategies.focal.loss: 'xyz' is unknown; write it as {name: ...}; valid are asymmetric, "),
        ("loss: 3", "strategies.focal.loss: 3 has no name; write it as {name: ...}; valid are asymmetric, "),
        ("loss: [focal]", "strategies.focal.loss: ['focal'] has no name; write it as {name: ...}; valid are asymm"),
        ("loss: {gamma: 1}", "strategies.focal.loss: its name is missing; write it as {name: ...}; valid are"),
        ("loss: {}", "strategies.focal.loss: its name is missing; write it as {name: ...}; valid are asymmetric,"),
        ("loss:", "strategies.focal.loss: nothing stands here; write it as {name: ...}; valid are asymmetric, "),
        ("loss: {name: }", "strategies.focal.loss.name: nothing stands here; valid are asymmetric, balanced_softmax,"),
        ("loss: {name: 3}", "strategies.focal.loss.name: 3 is unknown; valid are asymmetric, balanced_softmax,"),
        (
            "loss: {name: focall, gamma: -1}",
            "strategies.focal.loss.name: 'focall' is unknown (did you mean 'focal'?); valid are asymmetric, balanced",
        ),
    ],
)
def test_what_is_no_component_is_told_how_to_write_it(path: Path, new: str, message: str) -> None:
    change(path, ("loss: {name: focal, gamma: 2.0, alpha: none}  # alpha: none or balanced", new))
    (told,) = mistakes(path)
    assert told.startswith(f"params.yaml:{line(path, '  focal:') + 3}: {message}"), told


def test_a_setting_beside_its_component_is_told_where_it_belongs(path: Path) -> None:
    change(path, ("loss: {name: focal, gamma: 2.0, alpha: none}", "alpha: 0.5\n    loss: {name: focal, gamma: -1}"))
    keys = "valid are recipe, family, loss, sampler, mixing, schedule, posthoc, vote"
    at = line(path, "  focal:") + 3
    assert mistakes(path) == [
        f"params.yaml:{at}: strategies.focal.alpha: unknown key here, but a setting of loss or mixing: write it there, "
        f"{{name: ..., alpha: 0.5}}; {keys}",
        f"params.yaml:{at + 1}: strategies.focal.loss.gamma: -1 should be at least 0 (0 to 10)",
    ]


def test_mistakes_inside_a_list_of_transforms_are_told_at_their_place(path: Path) -> None:
    chosen = """preset:
      name: listed
      transforms:
        - {name: rotation, degrees: 400}
        - {name: rotatio}
        - rotation
        - {name: horizontal_flip, q: 1}
        - {degrees: 3}
        -
        - {name: vertical_flip}"""
    change(path, ("preset: {name: industrial}", chosen), ("folds: 5", "folds: 1"))
    split, *found = mistakes(path)
    assert "split.folds" in split
    at, where = line(path, "        - {name: rotation"), "recipes.augmented_minority.preset.transforms"
    expected = [
        "0.degrees: 400 should be at most 180 (0 to 180)",
        "1.name: 'rotatio' is unknown (did you mean 'rotation'?); valid are affine, blur,",
        "2: write 'rotation' as {name: rotation}; valid are affine, blur,",
        "3.q: unknown key; valid are name, p",
        "4: its name is missing; write it as {name: ...}; valid are affine, blur,",
        "5: nothing stands here; write it as {name: ...}; valid are affine, blur,",
    ]
    assert len(found) == len(expected)
    for number, (told, message) in enumerate(zip(found, expected, strict=True)):
        assert told.startswith(f"params.yaml:{at + number}: {where}.{message}"), told


@pytest.mark.parametrize("chosen", ["{name: smote}", "smote"])
def test_a_recipe_cannot_make_rows_between_feature_vectors(path: Path, chosen: str) -> None:
    change(path, ("resample: {name: undersample}", f"resample: {chosen}"))
    (told,) = mistakes(path)
    assert "'smote' makes rows between neighbouring feature vectors, and a recipe makes images" in told
    assert "Write sampler: {name: smote} in a strategy on features" in told


def test_settings_of_a_component_that_contradict_each_other_are_told(path: Path) -> None:
    chosen = "preset: {name: listed, transforms: [{name: random_erasing, smallest: 0.5}]}"
    change(path, ("preset: {name: industrial}", chosen))
    (told,) = mistakes(path)
    where = "recipes.augmented_minority.preset.transforms.0"
    assert told.startswith(
        f"params.yaml:{line(path, '  augmented_minority:') + 3}: {where}: smallest: 0.5 is more than"
    )


def test_choices_that_cannot_work_are_told_beside_wrong_values_elsewhere(path: Path) -> None:
    change(path, ("preset: {name: industrial}", "preset: {name: none}"), ("folds: 5", "folds: 1"))
    change(path, ("mixing: {name: none}", "mixing: {name: cutmix}"), ("gamma: 2.0", "gamma: -1"))
    assert [message.split(": ")[1] for message in mistakes(path)] == [
        "split.folds",
        "recipes.augmented_minority.preset.name",
        "strategies.plain.mixing.name",
        "strategies.focal.loss.gamma",
    ]


# The flat form of earlier versions


FLAT = """
embed: {backbone: efficientnet_lite0, image_size: 64}
group: {radius: 8}
split: {folds: 4, audit_images: 100}
generators:
  ddpm: {generator: diffusion, images: 30, steps: 200}
recipes:
  natural: {resample: none, augment: none, transforms: none, mix: none, synthetic: none}
  rich:
    resample: oversample
    resample_to: {largest: 0.5}
    augment: minority
    augment_to: square_root
    transforms: listed
    techniques: {rotation: {degrees: 4}, horizontal_flip: {}}
    mix: remix
    mix_to: equal
    ratio: 2.0
    synthetic: ddpm
    synthetic_images: 12
train: {seeds: 2, steps: 100, batch_size: 64, learning_rate: 0.01, weight_decay: 0.2}
strategies:
  plain: {recipe: natural, family: head, loss: cross_entropy, sampler: natural, mixing: none, posthoc: none}
  mixed: {recipe: natural, family: head, loss: focal, sampler: smote, mixing: remix, posthoc: logit_adjustment,
    gamma: 1.5, tau: 0.5, mixing_alpha: 0.3, mixing_ratio: 4.0, hidden: 8, k_neighbors: 3}
"""


def test_a_file_of_the_flat_form_is_told_the_sections_to_paste(path: Path) -> None:
    own = _plain(path)
    flat = YAML(typ="safe", pure=True).load(FLAT)
    old = {key: value for key, value in own.items() if key != "backbones"} | flat
    dump(old, path)
    with pytest.raises(InputError) as error:
        load_params(path)
    told, _, sections = str(error.value).partition("\n\n")
    assert told.startswith("params.yaml: this is the flat form of earlier versions")
    pasted = YAML(typ="safe", pure=True).load(sections)
    assert "audit_images" not in pasted["split"]
    dump({key: value for key, value in old.items() if key != "embed"} | pasted, path)
    params = load_params(path)
    assert params.backbones["efficientnet_lite0"].image_size == 64
    assert params.group.radius == 8
    assert params.split.folds == 4
    assert params.train.seeds == 2
    assert (params.generators["ddpm"].images, params.generators["ddpm"].steps) == (30, 200)
    rich, mixed = params.recipes["rich"], params.strategies["mixed"]
    assert str(rich.resample.to) == "largest 0.5"
    assert str(rich.augment.to) == "square root"
    assert [one.name for one in rich.preset.transforms] == ["rotation", "horizontal_flip"]
    assert rich.preset.transforms[0].degrees == 4
    assert (rich.mixed.name, rich.mixed.ratio, str(rich.mixed.to)) == ("remix", 2.0, "equal")
    assert (rich.synthetic.generator, rich.synthetic.images) == ("ddpm", 12)
    assert (mixed.loss.gamma, mixed.posthoc.tau, mixed.mixing.alpha, mixed.mixing.ratio) == (1.5, 0.5, 0.3, 4.0)
    assert (mixed.family.hidden, mixed.family.steps, mixed.family.batch_size) == (8, 100, 64)
    assert (mixed.family.learning_rate, mixed.family.weight_decay) == (0.01, 0.2)
    assert (mixed.family.backbone, mixed.sampler.k_neighbors) == ("efficientnet_lite0", 3)


OLD = Path(__file__).parent / "flat_params.yaml"  # the project's own parameters in the flat form


def test_the_projects_own_flat_file_becomes_right_by_pasting(path: Path, text: str) -> None:
    """Done as people do it: old sections are cut out of the text, what the message shows is put there."""
    path.write_text(OLD.read_text(encoding="utf-8"), encoding="utf-8")
    params = load_params(pasted(path))
    assert params.strategies["focal"].loss.gamma == 2.0
    path.write_text(text, encoding="utf-8")
    today = load_params(path)
    defaults = {name: one.family.untuned for name, one in today.strategies.items()}
    # Rates and decays were written then, so they aren't chosen now.
    assert {name: one.family for name, one in params.strategies.items()} == defaults
    for section in ("backbones", "group", "split", "explore", "generators", "balance", "recipes", "train"):
        assert getattr(params, section) == getattr(today, section), section


def pasted(path: Path) -> Path:
    """The flat file with the told sections in place of its own."""
    with pytest.raises(InputError) as error:
        load_params(path)
    assert len(str(error.value).partition("\n\n")[0].splitlines()) == 1
    told = str(error.value).partition("\n\n")[2]
    replaced = {"embed", *YAML(typ="safe", pure=True).load(told)}
    kept, keep = [], True
    for row in path.read_text(encoding="utf-8").splitlines():
        if row and row[0].isalpha():
            keep = row.partition(":")[0] not in replaced
        kept += [row] if keep else []
    path.write_text("\n".join([*kept, told]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    gamma: 2.0", "    gama: 2.0", "strategies.focal.gama: unknown key; valid are recipe, family, loss, samp"),
        ("    gamma: 2.0", "    hidden: -1", "strategies.focal.family.hidden: -1 should be at least 0"),
        (
            "    gamma: 2.0",
            "    tau: 2.0",
            "strategies.focal.tau: unknown key here, but a setting of loss or posth",
        ),
        ("    loss: focal", "    loss: focall", "strategies.focal.loss.name: 'focall' is unknown (did you mean"),
        ("    loss: focal", "    # no loss", "strategies.focal.loss: missing; add the key 'loss'"),
        ("  focal:", "  empty: 3\n  focal:", "strategies.empty: 3 should be a section with keys below it"),
        ("  natural:", "  empty:\n  natural:", "recipes.empty: nothing stands here; it should be a section with keys"),
        ("    augment: none", "    augmentt: none", "recipes.natural.augmentt: unknown key (did you mean 'augment'?)"),
        ("  radius: 10", "  radius: 99", "group.radius: 99 should be at most 16 (0 to 16)"),
        ("  seeds: 3", "  sede: 3", "train.sede: unknown key (did you mean 'seeds'?)"),
        ("generators: {}", "generators: {ddpm: 3}", "generators.ddpm: 3 has no name; write it as {name: ...}"),
    ],
)
def test_no_mistake_of_a_flat_file_is_lost_on_the_way(path: Path, old: str, new: str, message: str) -> None:
    path.write_text(OLD.read_text(encoding="utf-8"), encoding="utf-8")
    change(path, (old, new))
    told = mistakes(pasted(path))
    assert any(message in one for one in told), told


@pytest.mark.parametrize("section", ["embed", "group", "split", "generators", "train"])
@pytest.mark.parametrize("value", ["", " 3", " [a]"])
def test_a_flat_file_with_a_broken_section_is_told_the_form_all_the_same(path: Path, section: str, value: str) -> None:
    old = YAML(typ="safe", pure=True).load(OLD.read_text(encoding="utf-8"))
    old[section] = YAML(typ="safe", pure=True).load(value)
    dump(old, path)
    assert mistakes(path)[0].startswith("params.yaml: this is the flat form of earlier versions")


def test_a_file_that_was_brought_over_in_part_is_told_what_is_left(path: Path) -> None:
    change(
        path,
        ("loss: {name: focal, gamma: 2.0, alpha: none}", "loss: focal"),
        ("\nbackbones:", "\nembed: 3\nbackbones:"),
    )
    assert [message.split(": ")[1] for message in mistakes(path)] == ["embed", "strategies.focal.loss"]


def dump(values: Any, path: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(values, file)


# Broken files


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  folds: 5", "\tfolds: 5", "a tab can't indent; use spaces"),
        ("  folds: 5", "  folds: 5\n  folds: 6", "the key 'folds' stands in this section already; remove one of them"),
        ("rename: {}", "rename: {a: b", "the bracket that opens here is not closed"),
        ("drop: []", "drop: [a b: c, ", "the bracket that opens here is not closed"),
        ('sources: ""', 'sources: "', "the quote that opens here is not closed"),
        ("  folds: 5", "  folds: 5: 6", "a colon where no key can stand"),
        ("  folds: 5", "  folds 5", "a key without a colon; write it as 'key: value'"),
        ("  folds: 5", "   folds: 5", "the indentation does not fit the lines above; keys of one section start"),
        ("\nsplit:", "\n---\nsplit:", "a second document starts here; remove the line '---'"),
        ("  folds: 5", " folds: 5", "the indentation does not fit the lines above"),
        ("  folds: 5", "  folds: *five", "not valid YAML: found undefined alias"),
    ],
)
def test_broken_yaml_is_told_with_line_and_remedy(path: Path, text: str, old: str, new: str, message: str) -> None:
    change(path, (old, new))
    (told,) = mistakes(path)
    assert told.startswith(f"params.yaml:{first_change(text, path.read_text())}: {message}"), told


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "params.yaml:1: must be a mapping of sections"),
        (b"- a\n- b\n", "params.yaml:1: must be a mapping of sections"),
        (b"ingest: \xff\n", "is not UTF-8 text"),
        (b"ingest: \x07\n", "params.yaml: not valid YAML"),
    ],
)
def test_what_is_no_mapping_is_refused(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    assert message in mistakes(path)[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params\.yaml is missing; run this in the folder of an Equipoise project"):
        load_params(tmp_path / "params.yaml")
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        load_params(tmp_path)


def test_anchors_and_merged_keys_keep_their_lines(path: Path) -> None:
    change(path, ("  plain:\n    recipe: natural", "  plain: &plain\n    recipe: natural"))
    change(path, ("  focal:\n", "  copy:\n    <<: *plain\n    gama: 1\n  focal:\n"))
    (told,) = mistakes(path)
    assert told.startswith(f"params.yaml:{line(path, '    gama')}: strategies.copy.gama: unknown key")


def test_new_images_need_changes_to_be_made_with(path: Path) -> None:
    change(path, ("preset: {name: industrial}", "preset: {name: none}"))
    (told,) = mistakes(path)
    assert told.startswith(
        f"params.yaml:{line(path, '  augmented_minority:') + 3}: recipes.augmented_minority.preset.name: "
    )
    assert "'none' makes no new images, but augment is 'minority'; choose a preset: " in told
    assert "industrial" in told


def test_choices_in_feature_space_are_refused_where_folds_are_drawn_again(path: Path) -> None:
    change(path, ("{name: undersample}", "{name: near_miss}"), ("  repeats: 1", "  repeats: 2"))
    (told,) = mistakes(path)
    assert told.startswith(f"params.yaml:{line(path, '  undersampled:') + 1}: recipes.undersampled.resample.name: ")
    assert "'near_miss' compares the images of a fold" in told
    assert told.endswith("set repeats: 1")


# Changing values


def changed_lines(before: str, after: str) -> list[str]:
    """What stands in the lines of `after` that are new; all others must be the same, in the same order."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) == len(new):
        return [b for a, b in zip(old, new, strict=True) if a != b]
    start = next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
    assert old[start:] == new[start + len(new) - len(old) :]
    return new[start : start + len(new) - len(old)]


NEW = (
    "{recipe: natural, family: {name: head, backbone: efficientnet_lite0}, loss: {name: focal, gamma: 3}, "
    "sampler: {name: natural}, mixing: {name: none}, schedule: {name: constant}, posthoc: {name: none}}"
)
LOSS = "    loss: {name: focal, gamma: GAMMA, alpha: ALPHA}  # alpha: none or balanced\n"


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["split.folds=4"], ["  folds: 4\n"]),
        (["split.folds=4", "split.folds=7"], ["  folds: 7\n"]),
        (["strategies.focal.loss.gamma=1"], [LOSS.replace("GAMMA", "1").replace("ALPHA", "none")]),
        (["strategies.focal.loss.alpha=balanced"], [LOSS.replace("GAMMA", "2.0").replace("ALPHA", "balanced")]),
        (["strategies.plain.family.learning_rate=1e-4"], [f"    {HEAD[:-1]}, learning_rate: 0.0001}}\n"]),
        (["ingest.drop=[a, 'b, c']"], ["  drop: [a, 'b, c']         # classes to leave out\n"]),
        (['track.experiment="x-y"'], ["  experiment: x-y           # MLflow's experiment: one a dataset\n"]),
        (["strategies.plain.family.hidden=16"], [f"    {WIDE}\n"]),
        ([f"strategies.new={NEW}"], [f"  new: {NEW}\n"]),
    ],
)
def test_setting_a_value_changes_its_line_only(
    path: Path, text: str, assignments: list[str], expected: list[str]
) -> None:
    params = set_values(path, assignments)
    assert changed_lines(text, path.read_text(encoding="utf-8")) == expected
    assert params == load_params(path)


def test_a_name_that_yaml_would_misread_is_quoted(path: Path) -> None:
    assert set_values(path, ['ingest.rename.old="the new: one"']).ingest.rename == {"old": "the new: one"}
    assert "  rename: {old: 'the new: one'} " in path.read_text()


def test_the_layout_that_people_chose_stays(path: Path) -> None:
    """Quotes, odd spaces, long lines, indented lists and line ends of another system."""
    change(path, ("drop: []", "drop:\n      -   'a'\n      - \"b\"   # kept"), ("folds: 5", "folds:    5"))
    crlf = path.read_text().replace("\n", "\r\n").encode()
    path.write_bytes(crlf)
    set_values(path, ["split.folds=6", "strategies.plain.family.hidden=8"])
    expected = crlf.replace(b"folds:    5", b"folds:    6").replace(
        HEAD.encode(), (HEAD[:-1] + ", hidden: 8}").encode(), 1
    )
    assert path.read_bytes() == expected


def test_a_whole_section_can_be_set(path: Path) -> None:
    only = f"{{plain: {NEW}}}"
    assert list(set_values(path, [f"strategies={only}"]).strategies) == ["plain"]
    after = path.read_text()
    assert f"\nstrategies: {only}\n\n# Strategies that answer together" in after
    assert "# A strategy is a recipe plus" in after


def test_an_empty_value_can_be_set(path: Path, text: str) -> None:
    change(path, ("minutes: null  #", "minutes:  #"))
    assert set_values(path, ["run.stage_timeout_minutes=2.5"]).run.stage_timeout_minutes == 2.5
    assert changed_lines(text, path.read_text()) == [
        "  stage_timeout_minutes: 2.5 # a stage that takes longer is ended and fails\n"
    ]


def test_a_file_without_a_last_line_end_can_be_added_to(path: Path, text: str) -> None:
    path.write_text(text.rstrip("\n").partition("\nrun:")[0] + "\nrun: {stage_timeout_minutes: null}")
    set_values(path, ["run.stage_timeout_minutes=3"])
    assert path.read_text().endswith("\nrun: {stage_timeout_minutes: 3}")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("split.folds", "--set split.folds: write it as key=value, for instance split.folds=4"),
        ("=4", "--set =4: write it as key=value"),
        ("split.folds=[", "the value is not valid YAML"),
        ("split.folds=1", "split.folds: 1 should be at least 2 (2 to 50)\nparams.yaml stays as it was"),
        ("split.folds=", "split.folds: nothing stands here; it should be a whole number (2 to 50)"),
        ("split.fold=4", "split.fold: unknown key (did you mean 'folds'?)"),
        ("splitt.folds=4", "there is no section 'splitt' in params.yaml (did you mean 'split'?)"),
        ("split.folds.more=4", "there is no section 'split.folds' in params.yaml"),
        (
            "strategies.focall.loss.gamma=1",
            "there is no section 'strategies.focall' in params.yaml (did you mean 'focal",
        ),
        ("strategies.focal.loss.gama=1", "strategies.focal.loss.gama: unknown key (did you mean 'gamma'?)"),
        ("strategies.my new={}", "strategies.my new: 'my new' can't be a name"),
        ("track.experiment=2024-01-01", "track.experiment: '2024-01-01' should be text"),
        ("ingest.rename.x=y: z", "ingest.rename.x: {'y': 'z'} should be text"),
    ],
)
def test_a_wrong_assignment_leaves_the_file_untouched(path: Path, text: str, assignment: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        set_values(path, ["split.seed=7", assignment])
    assert message in str(error.value)
    assert path.read_text(encoding="utf-8") == text


def test_what_an_alias_shares_is_not_edited(path: Path) -> None:
    """The value at `strategies.copy` stands at the anchor, and changing it there would change another strategy."""
    change(path, ("  plain:\n    recipe: natural", "  plain: &plain\n    recipe: natural"))
    change(path, ("  focal:\n", "  copy: *plain\n  focal:\n"))
    before = path.read_bytes()
    with pytest.raises(InputError, match="do it by hand"):
        set_values(path, ["strategies.copy.posthoc={name: logit_adjustment}"])
    assert path.read_bytes() == before


# The schema for editors


def test_the_schema_in_the_repository_is_current(repository: Path) -> None:
    written = json.loads((repository / SCHEMA).read_text(encoding="utf-8"))
    assert written == params_schema(), f"run `python -m tasks.params.schema` to bring {SCHEMA} up to date"


def test_the_schema_knows_every_key_of_the_file(path: Path) -> None:
    """Walks the file and the schema side by side, as an editor does."""
    schema = params_schema()

    def definition(node: dict[str, Any]) -> dict[str, Any]:
        return schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node

    def walk(value: Any, node: dict[str, Any], where: str) -> None:
        node = definition(node)
        if "enum" in node:
            assert value in node["enum"], where
        if "oneOf" in node:
            known = {one["properties"]["name"]["const"]: one for one in map(definition, node["oneOf"])}
            assert value["name"] in known, where
            node = known[value["name"]]
        if isinstance(value, dict) and ("properties" in node or "patternProperties" in node):
            for key, item in value.items():
                below = node.get("properties", {}).get(key) or next(
                    iter(node.get("patternProperties", {}).values()), None
                )
                assert below is not None, f"{where}.{key}"
                walk(item, below, f"{where}.{key}")
            assert node.get("additionalProperties") in (False, None) or "properties" not in node, where

    walk(json.loads(json.dumps(_plain(path))), schema, "params.yaml")


def test_the_schema_describes_every_knob_and_every_component() -> None:
    schema = params_schema()
    for name, definition in schema["$defs"].items():
        for key, node in definition.get("properties", {}).items():
            described = [node, *node.get("anyOf", [])]
            known = any("description" in item or "$ref" in item for item in described)
            assert known or key == "name", f"{name}.{key}"
    loss = [schema["$defs"][one["$ref"].rpartition("/")[2]] for one in _loss(schema)["oneOf"]]
    assert {one["properties"]["name"]["const"] for one in loss} == set(components("tasks.train.losses"))
    assert all("name" in one["required"] for one in loss)
    assert schema["$defs"]["Focal"]["properties"]["gamma"]["minimum"] == 0
    assert schema["$defs"]["Focal"]["description"]


def _loss(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"]["Strategy"]["properties"]["loss"]
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("folds: 5", "folds: 1"),
        ("folds: 5", "folds: five"),
        ("folds: 5", "fold: 5"),
        ("gamma: 2.0", "gama: 2.0"),
        ("gamma: 2.0", "gamma: -1"),
        ("name: focal,", "name: focall,"),
        ("{name: focal, gamma: 2.0, alpha: none}", "{gamma: 2.0, alpha: none}"),
        ("{name: focal, gamma: 2.0, alpha: none}", "focal"),
        ("alpha: none", "alpha: some"),
        ("    recipe: undersampled\n", ""),
        ("preset: {name: industrial}", "preset: {name: listed, transforms: [{name: rotation, degrees: 400}]}"),
        ("preset: {name: industrial}", "preset: {name: listed, transforms: [rotation]}"),
        ("  focal:", "  my focal:"),
        ("resize: squash", "resize: squish"),
    ],
)
def test_an_editor_accepts_the_file_and_refuses_mistakes(path: Path, old: str, new: str) -> None:
    validator = Draft202012Validator(params_schema())
    validator.check_schema(params_schema())
    assert list(validator.iter_errors(_plain(path))) == []
    change(path, (old, new))
    assert list(validator.iter_errors(_plain(path)))


def test_the_schema_is_small(repository: Path) -> None:
    """Nothing in it says what the next line says as well, and what fits a line stands on one."""
    written = (repository / SCHEMA).read_text(encoding="utf-8")
    assert written == laid_out(params_schema()) + "\n"
    assert '"title"' not in written.replace('"title": "Equipoise', "")
    of_pydantic = json.dumps(Params.model_json_schema(), indent=2)
    assert len(written) < 0.7 * len(of_pydantic)
    assert len(written.splitlines()) < 0.4 * len(of_pydantic.splitlines())


def _plain(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def test_params_are_frozen(path: Path) -> None:
    params = load_params(path)
    with pytest.raises(ValueError):
        params.split.folds = 3  # type: ignore[misc]
    assert isinstance(params, Params)
    assert components("tasks.train.losses") is components("tasks.train.losses")
