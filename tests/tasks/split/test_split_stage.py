"""The stage as a whole: what it reads, what it writes and says, repeats, and the stages after it."""

from __future__ import annotations

import json
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from split_tables import components, long_tail, pair_table, rich_enough, sides_of, tables

from tasks import registry
from tasks.errors import InputError
from tasks.evaluate.scored import Scored
from tasks.features import Features
from tasks.inputs import Inputs, StoredSource
from tasks.params.checks import contradictions
from tasks.params.models import Compare, Evaluate, Params, Split, Strategy
from tasks.split import stage
from tasks.split.assignment import make_split
from tasks.split.frozen import frozen_text
from tasks.split.summary import summarise
from tasks.tables import BALANCED, PREDICTIONS, SPLITS
from tasks.train.fitting import fit_strategy
from tasks.workspace import Workspace

HEADER = "image_id,part,repeat,fold\n"


def made(kind, settings):
    """A component of a strategy."""
    return registry.components(f"tasks.train.{kind}")[settings["name"]].model_validate(settings)


class Project:
    """A workspace whose catalog and groups are handed over in memory."""

    def __init__(self, root):
        self.root = root
        self.compare, self.evaluate, self.family = {}, {}, {"name": "head"}  # what only names classes
        self.loss = {"name": "cross_entropy"}
        (root / "data").mkdir()
        (root / "data/frozen.csv").write_text(HEADER)

    def run(self, labels, groups, pairs=(), parts=None, **params):
        catalog, relatives = tables(labels, groups, parts)
        given = {"catalog": catalog, "groups": relatives, "pairs": pair_table(pairs)}
        workspace = Workspace(self.root)
        workspace.__dict__["read"] = lambda table: given[table.name]
        workspace.__dict__["params"] = Params.model_construct(
            split=Split(**params),
            generators={},
            compare=Compare.model_validate(self.compare),
            evaluate=Evaluate.model_validate(self.evaluate),
            strategies={
                "one": SimpleNamespace(
                    components={"family": made("families", self.family), "loss": made("losses", self.loss)}
                )
            },
        )
        stage.run(workspace, "")
        return self

    @property
    def files(self):
        return {path.name: path.read_bytes() for path in (self.root / "data/splits").iterdir()}

    @property
    def splits(self):
        return SPLITS.read(self.root / "data/splits/splits.parquet")

    @property
    def summary(self):
        return json.loads((self.root / "data/splits/summary.json").read_text())

    def freeze(self):
        (self.root / "data/frozen.csv").write_text(frozen_text(self.splits))


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("section", "settings", "told"),
    [
        ("compare", {"goal": {"name": "recall_at_precision", "of": "rara"}}, "compare.goal.of: there is no class"),
        ("compare", {"goal": {"name": "expected_cost", "cost": {"a": {"rara": 2}}}}, "compare.goal.cost: there is"),
        ("compare", {"guard": {"recall_of": "rara"}}, "compare.guard.recall_of: there is no class"),
        ("evaluate", {"mix": {"a": 0.9, "rara": 0.1}}, "evaluate.mix: there is no class"),
        ("evaluate", {"mix": {"a": 0.9}}, "evaluate.mix: the share of rare is missing"),
        ("family", {"name": "anomaly", "normal": "rara"}, "family.normal: there is no class"),
        ("loss", {"name": "cost_sensitive", "cost": {"rara": {"a": 9.0}}}, "loss.cost: there is no class"),
    ],
)
def test_a_mistyped_class_is_refused_before_anything_is_trained(project, section, settings, told):
    setattr(project, section, settings)
    with pytest.raises(InputError, match=told) as error:
        project.run(["a"] * 60 + ["rare"] * 20, singles(80))
    assert "did you mean 'rare'?" in str(error.value) or "missing" in told
    assert not (project.root / "data/splits").exists()


def singles(number):
    return [f"{n:06}" for n in range(number)]


def test_the_stage_writes_the_same_bytes_again_and_when_its_own_result_is_frozen(project):
    given = (["a", "b"] * 20 + [None], singles(41))
    first = project.run(*given, folds=3, repeats=2).files
    assert set(first) == {"splits.parquet", "summary.json"}
    assert project.run(*given, folds=3, repeats=2).files == first
    project.freeze()
    assert project.run(*given, folds=3, repeats=2).files == first
    assert project.run(*given, folds=3, repeats=2, seed=8).files == first


def test_what_is_frozen_stays_until_it_is_given_up_and_then_the_moves_are_told(project, capsys):
    before = project.run(["a", "b"] * 20, singles(40), folds=3).splits
    project.freeze()
    after = project.run(["a", "b"] * 22, singles(44), folds=3, seed=1).splits
    pd.testing.assert_frame_equal(after.iloc[:40], before)
    assert "keeps 40 images where they were" in capsys.readouterr().out
    project.run(["a", "b"] * 19, singles(38), folds=3)
    assert "names 2 images that are gone" in capsys.readouterr().out
    anew = project.run(["a", "b"] * 20, singles(40), folds=3, seed=1, frozen=False).splits
    moved = project.summary["moved"]
    assert sum(moved["parts"].values()) == (anew["part"] != before["part"]).sum() > 0
    printed = capsys.readouterr().out
    assert "40 images of data/frozen.csv were drawn anew" in printed
    assert f"{sum(moved['parts'].values())} changed the part (training or test): a " in printed


def test_another_number_of_folds_is_possible_where_nothing_has_to_stay(project):
    project.run(["a", "b"] * 20, singles(40), folds=3)
    project.freeze()
    with pytest.raises(InputError, match=r"split\.folds is 4"):
        project.run(["a", "b"] * 20, singles(40), folds=4)
    project.run(["a", "b"] * 20, singles(40), folds=4, frozen=False)
    assert project.splits["fold"].max() == 3


def test_a_leak_leaves_the_old_split_in_place_and_an_accepted_one_stands_in_the_summary(project, capsys):
    labels, groups = ["a", "b"] * 20, ["same"] * 2 + singles(40)[2:]
    parts = ["train", "test", *["test"] * 4, *[None] * 34]
    pairs = [("000000", "000001", "near")]
    before = project.run(labels, singles(40), folds=3).files
    assert project.summary["leaks"] == {"parts": {}, "folds": {}, "pairs": [], "accepted": []}
    with pytest.raises(InputError, match="near: 2 images"):
        project.run(labels, groups, pairs, parts, folds=3, accept=["given"])
    assert project.files == before
    capsys.readouterr()
    project.run(labels, groups, pairs, parts, folds=3, accept=["given", "near"])
    leaks = project.summary["leaks"]
    assert leaks["parts"] == {"near": {"a": 1, "b": 1}}
    assert leaks["accepted"] == ["near"]
    printed = capsys.readouterr().out
    assert "LEAK, accepted by split.accept (near)" in printed
    assert "000001.png (test)" in printed


def test_what_is_set_aside_is_said_and_stands_in_the_summary_with_its_cost(project, capsys):
    labels = ["a", "b"] * 30
    parts = ["test"] * 10 + ["train"] * 50
    torn = [("000000", "000010", "near"), ("000000", "000012", "near"), ("000001", "000011", "given")]
    groups = components(singles(60), torn)["group"]
    with pytest.raises(InputError, match=r"split\.relatives=exclude"):
        project.run(labels, groups, torn, parts, folds=3)
    project.run(labels, groups, torn, parts, folds=3, relatives="exclude")
    summary, splits = project.summary, project.splits
    assert summary["leaks"] == {"parts": {}, "folds": {}, "pairs": [], "accepted": []}
    assert summary["excluded"]["images"] == 3 == (splits["part"] == "excluded").sum()
    assert summary["excluded"]["aside_of_class"] == {
        "a": {"images": 2, "of": 25, "share": 0.08, "kinds": {"near": 2}},
        "b": {"images": 1, "of": 25, "share": 0.04, "kinds": {"given": 1}},
    }
    assert summary["excluded"]["aside"][0] == {
        "image_id": "000010",
        "path": "000010.png",
        "label": "a",
        "kinds": ["near"],
        "relative": "000000.png",
        "side": "test",
    }
    printed = capsys.readouterr().out
    assert "3 training images are set aside (split.relatives)" in printed
    assert "a 2 of 25 (8%; near 2), b 1 of 25 (4%; given 1)" in printed
    assert "000011.png is a relative (given) of 000001.png (test)" in printed
    before = project.files
    project.freeze()
    assert project.run(labels, groups, torn, parts, folds=3, relatives="exclude").files == before


def test_the_summary_counts_classes_groups_shares_and_the_rate_of_the_most_frequent_class():
    groups = [f"g{number // 2}" for number in range(80)]
    summary = summarise(make_split(*tables(["a"] * 60 + ["b"] * 20, groups), Split(folds=2)))
    assert summary["counts"]["test"] == {"a": 12, "b": 4}
    assert summary["groups_of_class"]["test"] == {"a": 6, "b": 2}
    assert summary["groups"]["test"] == 8
    assert summary["shares"]["test"] == {"a": 0.2, "b": 0.2}
    assert summary["shares"]["train"] == {"a": 0.8, "b": 0.8}
    assert summary["majority_rate"] == {side: pytest.approx(0.75) for side in ("train", "test", "fold 0", "fold 1")}
    assert summary["images"]["train"] == summary["images"]["fold 0"] + summary["images"]["fold 1"] == 64


def test_a_table_of_classes_and_parts_is_told(project, capsys):
    project.run(["a"] * 60 + ["b"] * 20, singles(80), folds=2)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["class", "train", "test", "fold", "0", "fold", "1"] in lines
    assert ["b", "16", "80%", "4", "20%", "8", "40%", "8", "40%"] in lines
    assert ["most", "frequent", "class", "75.0%", "75.0%", "75.0%", "75.0%"] in lines


@pytest.mark.parametrize("seed", range(6))
def test_repeats_share_the_test_part_and_draw_the_folds_anew(seed):
    labels, groups, folds = long_tail(seed)
    keep = rich_enough(labels, groups, folds + 1)
    given = tables(list(np.array(labels)[keep]), list(np.array(groups)[keep]))
    splits = make_split(*given, Split(folds=folds, repeats=3)).splits
    first = splits[splits["repeat"] == 0]
    pd.testing.assert_frame_equal(first, make_split(*given, Split(folds=folds)).splits)
    together = []
    for _, own in splits.groupby("repeat"):
        assert own["part"].tolist() == first["part"].tolist()
        assert (sides_of(own).groupby(own["group"]).nunique() == 1).all()
        counts = pd.crosstab(own["label"], sides_of(own))
        assert (counts > 0).all(axis=None)
        fold = own.loc[own["part"] == "train", "fold"].to_numpy(dtype=int)
        together.append(fold[:, None] == fold[None, :])
    changed = [
        (one != other).sum() / one.sum() for one, other in ((together[0], together[1]), (together[1], together[2]))
    ]
    assert min(changed) > 0.3


def test_groups_of_different_sizes_also_find_other_neighbours_in_another_repeat():
    sizes = range(1, 13)
    groups = [f"{label}{size}" for label in "ab" for size in sizes for _ in range(size)]
    splits = make_split(*tables([group[0] for group in groups], groups), Split(folds=2, repeats=4)).splits
    folds = splits.drop_duplicates(["group", "repeat"]).pivot(index="group", columns="repeat", values="fold").dropna()
    assert len({tuple(folds[repeat] == folds[repeat].iloc[0]) for repeat in folds}) == 4


def test_repeats_go_through_training_and_evaluation(tmp_path):
    labels = ["a"] * 60 + ["b"] * 30
    assignment = make_split(*tables(labels, [f"g{number // 2}" for number in range(90)]), Split(folds=3, repeats=2))
    SPLITS.write(assignment.splits, tmp_path / "splits.parquet")
    splits = SPLITS.read(tmp_path / "splits.parquet")
    training = splits[(splits["part"] == "train") & (splits["repeat"] == 0)]
    balanced = BALANCED.empty().reindex(range(len(training)))
    balanced = balanced.astype(object).assign(
        row_id=training["image_id"].to_numpy(),
        label=training["label"].to_numpy(),
        origin="original",
        parents=[[image] for image in training["image_id"]],
        operation="original",
        parameters="{}",
        fold=training["fold"].to_numpy(dtype=int),
        file=None,
        fitted_on=None,
        second_label=None,
    )
    BALANCED.write(balanced, tmp_path / "balanced.parquet")
    values = np.random.default_rng(0).normal(size=(90, 6)).astype(np.float32)
    values[:60, 0] += 3
    features = Features([f"{number:06}" for number in range(90)], values)
    chosen = {"family": {"name": "head", "steps": 60, "batch_size": 16, "learning_rate": 0.05, "backbone": "toy"}}
    chosen |= {"loss": {"name": "cross_entropy"}, "sampler": {"name": "natural"}}
    chosen |= {"mixing": {"name": "none"}, "schedule": {"name": "constant"}, "posthoc": {"name": "none"}}
    outcome = fit_strategy(
        Strategy.model_validate({"recipe": "mine", **chosen}),
        2,
        splits=splits,
        balanced=BALANCED.read(tmp_path / "balanced.parquet"),
        inputs=Inputs([], StoredSource(defaultdict(lambda: [features]))),
        backbone=None,
        depth=16,
        tell=lambda line: None,
    )
    PREDICTIONS.write(outcome.predictions, tmp_path / "predictions.parquet")
    predictions = PREDICTIONS.read(tmp_path / "predictions.parquet")
    out_of_fold, held_out = (Scored.of(predictions, splits, part) for part in ("train", "test"))
    assert (out_of_fold.fits, held_out.fits) == (4, 2), "seeds by repeats out of fold, seeds on the test part"
    assert len(out_of_fold.labels) + len(held_out.labels) == 90
    assert (out_of_fold.decisions == out_of_fold.labels).mean() > 0.85


@pytest.mark.parametrize("by", ["time", "group"])
def test_folds_that_follow_from_the_data_are_not_drawn_again(by):
    (told,) = contradictions({"split": {"by": by, "repeats": 2}})
    assert told["loc"] == ("split", "repeats")
    assert told["ctx"]["message"].startswith(f"with by: {by} the folds follow from the data")
    assert told["ctx"]["message"].endswith("set repeats: 1")
