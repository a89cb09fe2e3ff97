"""The parameters: what is accepted, how mistakes are told, how values are changed, and the schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, model_validator

from tasks import registry
from tasks.errors import InputError
from tasks.params import load_params
from tasks.params.composing import Composed
from tasks.params.editing import set_values
from tasks.params.models import Generator, Params, Recipe, Strategy
from tasks.params.schema import SCHEMA, params_schema
from tasks.registry import Part, parts


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
    assert params.strategies["focal"].part("loss").gamma == 2.0
    assert params.generators == {}


def test_each_section_and_key_is_written_out(repository: Path, text: str) -> None:
    """A knob that stands in no file is found by nobody."""
    params = load_params(repository / "params.yaml")
    for section in type(params).model_fields:
        value = getattr(params, section)
        if not isinstance(value, dict):
            assert value.model_fields_set == set(type(value).model_fields), section


def test_parameters_of_parts_stand_beside_the_names(path: Path) -> None:
    change(path, ("gamma: 2.0", "gamma: 0.5\n    hidden: 16"))
    focal = load_params(path).strategies["focal"]
    assert focal.part("loss").gamma == 0.5
    assert focal.part("family").hidden == 16


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
        ("learning_rate: 0.0015", "learning_rate: fast", "train.learning_rate: 'fast' should be a number"),
        ("minutes: null", "minutes: 0", "run.stage_timeout_minutes: 0 should be above 0"),
        ("max_pixels: 100000000", "max_pixels: 0", "ingest.max_pixels: 0 should be at least 1"),
        ("given: true", "given: 1", "group.given: 1 should be true or false"),
        ("drop: []", "drop: scratches", "ingest.drop: 'scratches' should be a list, such as [a, b]"),
        ("rename: {}", "rename: [a]", "ingest.rename: ['a'] should be a mapping of names to values"),
        ("drop: []", "drop: [3]", "ingest.drop.0: 3 should be text"),
        (
            "resize: squash",
            "resize: squish",
            "embed.resize: 'squish' is unknown (did you mean 'squash'?); valid are squash, letterbox",
        ),
        ("metric: balanced_accuracy", "metric: accuracy", "compare.metric: 'accuracy' is unknown"),
        (
            "experiment: equipoise",
            "experiment: solar cells",
            "track.experiment: 'solar cells' can't be a name; use up to 64 letters, digits, - and _",
        ),
        (
            "gamma: 2.0",
            "gama: 2.0",
            "strategies.focal.gama: unknown key (did you mean 'gamma'?); valid are recipe, family, loss,",
        ),
        ("gamma: 2.0", "gamma: -1", "strategies.focal.gamma: -1 should be at least 0 (0 to 10)"),
        ("gamma: 2.0", "gamma: strong", "strategies.focal.gamma: 'strong' should be a number (0 to 10)"),
        (
            "alpha: none",
            "alpha: balance",
            "strategies.focal.alpha: 'balance' is unknown (did you mean 'balanced'?); valid are none, balanced",
        ),
        (
            "loss: focal",
            "loss: focall",
            "strategies.focal.loss: 'focall' is unknown (did you mean 'focal'?); valid are cross_entropy, focal",
        ),
        (
            "recipe: oversampled",
            "recipe: oversample",
            "strategies.oversampled.recipe: 'oversample' is unknown (did you mean 'oversampled'?); valid are natural",
        ),
        ("baseline: plain", "baseline: pain", "compare.baseline: 'pain' is unknown (did you mean 'plain'?)"),
        ("synthetic: none", "synthetic: gan", "recipes.natural.synthetic: 'gan' is unknown; valid are none"),
        ("  focal:", "  my focal:", "strategies.my focal: 'my focal' can't be a name; use up to 64 letters"),
        (
            "  focal:",
            "  2024:",
            "strategies.2024: 2024 can't be a name; use up to 64 letters, digits, - and _, in quotes if all are digits",
        ),
        (
            "\nsplit:",
            "\nsplitt:",
            "splitt: unknown key (did you mean 'split'?); valid are ingest, embed, group, split,",
        ),
        (
            "  seeds: 3",
            "  sede: 3",
            "train.sede: unknown key (did you mean 'seeds'?); valid are seeds, steps, batch_size",
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
    change(path, ("    recipe: undersampled\n", ""), ("\nembed:", "\n# embed:"))
    change(
        path, *((f"\n  {key}", f"\n  # {key}") for key in ("backbone", "image_size", "resize", "precision", "batch_"))
    )
    at = path.read_text().splitlines().index("  undersampled:") + 1
    assert mistakes(path) == [
        "params.yaml:1: embed: missing; add the key 'embed'",
        f"params.yaml:{at}: strategies.undersampled.recipe: missing; add the key 'recipe'",
    ]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(path: Path) -> None:
    change(path, ("gamma: 2.0", "gama: 2.0"), ("folds: 5", "folds: 0"), ("image_size: 128", "image_size: big"))
    change(path, ("loss: weighted_cross_entropy", "loss: weighted"), ("confidence: 0.95", "confidence: 95"))
    change(path, ("recipe: oversampled", "recipe: oversample"), ("baseline: plain", "baseline: plane"))
    told = mistakes(path)
    assert [message.split(": ")[1] for message in told] == [
        "embed.image_size", "split.folds", "strategies.balanced_weights.loss", "strategies.focal.gama",
        "strategies.oversampled.recipe", "evaluate.confidence", "compare.baseline",
    ]  # fmt: skip
    numbers = [int(message.split(":")[1]) for message in told]
    assert numbers == sorted(numbers)


def test_several_mistakes_of_one_strategy_are_told(path: Path) -> None:
    change(path, ("loss: focal\n    sampler: natural", "loss: focal"))
    change(path, ("gamma: 2.0", "gamma: -1\n    hidden: -1\n    sampler: naturl"))
    assert [message.split(": ")[1] for message in mistakes(path)] == [
        "strategies.focal.gamma",
        "strategies.focal.hidden",
        "strategies.focal.sampler",
    ]


def test_a_wrong_name_is_not_told_again_for_each_of_its_parameters(path: Path) -> None:
    change(path, ("loss: focal", "loss: focall"))
    assert len(mistakes(path)) == 1


def test_unknown_keys_of_a_strategy_are_told_beside_wrong_values(path: Path) -> None:
    change(path, ("gamma: 2.0", "gamma: -1\n    hiden: 3\n    hidden: -1"))
    assert [message.split(": ")[1] for message in mistakes(path)] == [
        "strategies.focal.gamma",
        "strategies.focal.hiden",
        "strategies.focal.hidden",
    ]


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


class Loud(Part):
    """A part for tests."""

    volume: int = Field(1, ge=0, le=11)
    pitch: str


class Quiet(Part):
    """Another one."""


class Concert(Composed):
    """A composition that refuses one combination of its parts."""

    instrument: str
    hall: str

    @classmethod
    def packages(cls) -> dict[str, str]:
        return {"instrument": "instruments"}

    def check_choice(self) -> dict[str, str]:
        if self.instrument == "loud" and self.hall == "library":
            return {"hall": "a library can't hold a loud instrument; use a stadium"}
        return {}


def test_an_impossible_combination_is_refused_with_reason_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.params.composing.parts", lambda package: {"loud": Loud, "quiet": Quiet})
    assert Concert.model_validate({"instrument": "quiet", "hall": "library"}).part("instrument") == Quiet()
    with pytest.raises(ValueError) as error:
        Concert.model_validate({"instrument": "loud", "hall": "library", "volume": 12})
    told = {mistake["loc"]: mistake["msg"] for mistake in error.value.errors()}  # type: ignore[attr-defined]
    assert told[("hall",)] == "a library can't hold a loud instrument; use a stadium"
    assert set(told) == {("hall",), ("volume",), ("pitch",)}, "the parts' own mistakes are told beside it"


class Ranged(Part):
    """A part whose parameters depend on each other."""

    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _check_order(self) -> Ranged:
        if self.low >= self.high:
            raise ValueError(f"low, {self.low}, should be below high, {self.high}")
        return self


def test_parameters_of_a_part_that_contradict_each_other_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = parts("tasks.train.losses")
    monkeypatch.setitem(found, "ranged", Ranged)
    change(path, ("loss: focal", "loss: ranged\n    low: 3.0"), ("    gamma: 2.0\n    alpha: none", "    #"))
    assert mistakes(path) == [
        f"params.yaml:{line(path, '  focal:')}: strategies.focal: low, 3.0, should be below high, 1.0"
    ]


def test_new_images_need_changes_to_be_made_with(path: Path) -> None:
    change(path, ("transforms: industrial", "transforms: none"))
    (told,) = mistakes(path)
    assert told.startswith(
        f"params.yaml:{line(path, '  augmented_minority:') + 3}: recipes.augmented_minority.transforms: "
    )
    assert "'none' makes no new images, but augment is 'minority'; choose a preset: " in told
    assert "industrial" in told


def test_choices_in_feature_space_are_refused_where_folds_are_drawn_again(path: Path) -> None:
    change(path, ("resample: undersample", "resample: near_miss"), ("  repeats: 1", "  repeats: 2"))
    (told,) = mistakes(path)
    assert told.startswith(f"params.yaml:{line(path, '  undersampled:') + 1}: recipes.undersampled.resample: ")
    assert "'near_miss' compares the images of a fold" in told
    assert told.endswith("set repeats: 1")


@pytest.mark.parametrize("model", [Recipe, Strategy, Generator])
def test_no_parameter_of_a_part_has_two_meanings(model: type[Composed]) -> None:
    """Parts of one strategy may share a key only where it says the same of both."""
    meanings: dict[str, str] = dict.fromkeys(model.model_fields, "a key of its own")
    for package in model.packages().values():
        for part in parts(package).values():
            for name, field in part.model_fields.items():
                assert meanings.setdefault(name, field.description or "") == field.description, f"{name} of {package}"


# Changing values


def changed_lines(before: str, after: str) -> list[str]:
    """What stands in the lines of `after` that are new; all others must be the same, in the same order."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) == len(new):
        return [b for a, b in zip(old, new, strict=True) if a != b]
    start = next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
    assert old[start:] == new[start + len(new) - len(old) :]
    return new[start : start + len(new) - len(old)]


NEW = "{recipe: natural, family: head, loss: focal, sampler: natural, mixing: none, posthoc: none, gamma: 3}"


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["split.folds=4"], ["  folds: 4\n"]),
        (["split.folds=4", "split.folds=7"], ["  folds: 7\n"]),
        (["strategies.focal.gamma=1"], ["    gamma: 1\n"]),
        (["strategies.focal.alpha=balanced"], ["    alpha: balanced         # or balanced\n"]),
        (["train.learning_rate=1e-4"], ["  learning_rate: 0.0001\n"]),
        (["ingest.drop=[a, 'b, c']"], ["  drop: [a, 'b, c']         # classes to leave out\n"]),
        (['track.experiment="x-y"'], ["  experiment: x-y           # MLflow's experiment: one a dataset\n"]),
        (["strategies.plain.hidden=16"], ["    hidden: 16\n"]),
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
    set_values(path, ["split.folds=6", "strategies.plain.hidden=8"])
    expected = crlf.replace(b"folds:    5", b"folds:    6").replace(
        b"posthoc: none\r\n  logit_adjusted", b"posthoc: none\r\n    hidden: 8\r\n  logit_adjusted"
    )
    assert path.read_bytes() == expected


def test_a_whole_section_can_be_set(path: Path) -> None:
    only = (
        "{plain: {recipe: natural, family: head, loss: cross_entropy, sampler: natural, mixing: none, posthoc: none}}"
    )
    assert list(set_values(path, [f"strategies={only}"]).strategies) == ["plain"]
    after = path.read_text()
    assert f"\nstrategies: {only}\n\naudit:" in after
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
        ("strategies.focall.gamma=1", "there is no section 'strategies.focall' in params.yaml (did you mean 'focal'?)"),
        ("strategies.focal.gama=1", "strategies.focal.gama: unknown key (did you mean 'gamma'?)"),
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
        set_values(path, ["strategies.copy.posthoc=logit_adjustment"])
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
        if isinstance(value, dict) and ("properties" in node or "patternProperties" in node):
            for key, item in value.items():
                below = node.get("properties", {}).get(key) or next(
                    iter(node.get("patternProperties", {}).values()), None
                )
                assert below is not None, f"{where}.{key}"
                walk(item, below, f"{where}.{key}")
            assert node.get("additionalProperties") in (False, None) or "properties" not in node, where

    walk(json.loads(json.dumps(_plain(path))), schema, "params.yaml")


def test_the_schema_describes_every_knob() -> None:
    schema = params_schema()
    for name, definition in schema["$defs"].items():
        for key, node in definition.get("properties", {}).items():
            described = [node, *node.get("anyOf", [])]
            assert any("description" in item or "$ref" in item for item in described), f"{name}.{key}"
    strategy = schema["$defs"]["Strategy"]["properties"]
    assert "focal" in strategy["loss"]["enum"]
    assert "\nfocal: " in strategy["loss"]["description"]
    assert strategy["gamma"]["anyOf"][0]["minimum"] == 0


def _plain(path: Path) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def test_params_are_frozen(path: Path) -> None:
    params = load_params(path)
    with pytest.raises(ValueError):
        params.split.folds = 3  # type: ignore[misc]
    assert isinstance(params, Params)
    assert registry.parts("tasks.train.losses") is registry.parts("tasks.train.losses")
