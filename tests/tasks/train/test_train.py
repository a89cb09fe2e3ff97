"""The stage as a whole: who is predicted by which model, what it refuses, and that it gives the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pytest
from fits import inputs_of
from numpy.testing import assert_allclose, assert_array_equal

from tasks.errors import InputError
from tasks.features import Features
from tasks.inputs import Inputs
from tasks.params.models import Strategy
from tasks.scores import Scores
from tasks.similarity.verification import read_verification
from tasks.tables import BALANCED, CATALOG, PREDICTIONS, SPLITS
from tasks.train import stage as train
from tasks.train.adamw import AdamW
from tasks.train.families import Family, Fitted
from tasks.train.fitting import fit_strategy
from tasks.train.heads import together
from tasks.train.loading import load_model
from tasks.train.models import fold_folder
from tasks.train.stored_inputs import inputs_of as stored_inputs
from tasks.workspace import Workspace

FOLDS = 3
BACKBONE = "efficientnet_lite0"
DIMENSIONS = 8
FAST = {"tune": {}, "seeds": 2, "steps": 12, "batch_size": 16, "learning_rate": 0.01, "weight_decay": 0.01}
COUNTS = {"crack": 12, "fine": 36, "stain": 18}


def make_splits() -> pd.DataFrame:
    """Per class: a sixth is test, the rest lies in three folds; every image its own group."""
    rows = []
    for label, count in COUNTS.items():
        for number in range(count):
            name = f"{label}-{number:03}"
            test = number % 6 == 5
            rows.append(
                {
                    "image_id": name,
                    "group": name,
                    "label": label,
                    "part": "test" if test else "train",
                    "repeat": 0,
                    "fold": None if test else number % FOLDS,
                }
            )
    return pd.DataFrame(rows).astype({"fold": "Int16"})


def make_balanced(splits: pd.DataFrame) -> pd.DataFrame:
    """The originals, a copy of every crack, and a new image of every crack."""
    rows = []
    for row in splits[splits["part"] == "train"].itertuples():
        common = {"label": row.label, "parents": [row.image_id], "parameters": "{}", "fold": int(row.fold)}
        rows.append({**common, "row_id": row.image_id, "origin": "original", "operation": "original"})
        if row.label == "crack":
            rows.append({**common, "row_id": f"{row.image_id}-c1", "origin": "copy", "operation": "copy"})
            new = f"{row.image_id}-n1"
            rows.append({**common, "row_id": new, "origin": "augmented", "operation": "flip", "file": f"{new}.png"})
    return pd.DataFrame(rows).assign(fitted_on=None, second_label=None, second_share=np.nan)


def vectors(ids: list[str], noise: float = 1.0) -> Features:
    """A vector an image that depends on its name alone: the class's mean and noise."""
    values = []
    for name in ids:
        generator = np.random.default_rng(list(name.encode()))
        mean = 2.0 * np.eye(DIMENSIONS)[sorted(COUNTS).index(name.split("-")[0])]
        values.append(mean + noise * generator.normal(size=DIMENSIONS))
    return Features(ids, np.array(values, dtype=np.float32).reshape(-1, DIMENSIONS))


def make_strategy(**changes: dict) -> Strategy:
    """A linear head on features; `changes` are components by their keys."""
    family = {"name": "head", "backbone": "toy"}
    components = {key: {"name": "none"} for key in ("mixing", "posthoc")}
    components |= {"loss": {"name": "cross_entropy"}, "sampler": {"name": "natural"}, "schedule": {"name": "constant"}}
    return Strategy.model_validate({"recipe": "mine", "family": family, **components, **changes})


def new_ids(balanced: pd.DataFrame) -> list[str]:
    return balanced.loc[balanced["file"].notna(), "row_id"].tolist()


def fit(strategy: Strategy | None = None, settings: dict = FAST, **changes: object):
    splits = make_splits()
    balanced = make_balanced(splits)
    given = {
        "splits": splits,
        "balanced": balanced,
        "features": vectors(splits["image_id"].tolist()),
        "new_features": vectors(new_ids(balanced)),
        "tell": lambda line: None,
    } | changes
    inputs = inputs_of(given.pop("features"), given.pop("new_features"))
    strategy = strategy or make_strategy()
    own = {name: value for name, value in settings.items() if name in type(strategy.family).model_fields}
    strategy = strategy.model_copy(update={"family": strategy.family.model_copy(update=own)})
    return fit_strategy(strategy, settings["seeds"], inputs=inputs, backbone=None, depth=16, **given)


def scores(predictions: pd.DataFrame) -> np.ndarray:
    return predictions[[f"score.{name}" for name in sorted(COUNTS)]].to_numpy()


def test_every_training_and_test_image_is_predicted_once_a_seed():
    splits, predictions = make_splits(), fit().predictions
    PREDICTIONS.check(predictions)
    assert len(predictions) == 2 * len(splits)
    assert set(predictions["seed"]) == {0, 1}
    for seed, own in predictions.groupby("seed"):
        merged = own.merge(splits, on="image_id", suffixes=("", "_given"), validate="1:1")
        assert (merged["part"] == merged["part_given"]).all(), seed
        assert merged["fold"].equals(merged["fold_given"])
        assert (merged["label"] == merged["label_given"]).all()
    assert [name for name in predictions if name.startswith("score.")] == [f"score.{name}" for name in sorted(COUNTS)]
    assert np.isfinite(scores(predictions)).all()


def test_images_outside_training_and_test_are_left_alone():
    splits = make_splits()
    aside = splits["part"].eq("test") & splits["label"].eq("fine")
    splits.loc[aside, "part"] = "excluded"
    assert set(fit(splits=splits).predictions["part"]) == {"train", "test"}
    assert len(fit(splits=splits).predictions) == 2 * (~aside).sum()


@dataclasses.dataclass(frozen=True)
class Known(Fitted):
    """Says 1 where the model was fitted on the row or a descendant of it."""

    rows: np.ndarray
    prior: np.ndarray

    def predict(self, inputs: Inputs) -> Scores:
        known = np.isin(inputs.features("toy")[:, 0], self.rows).astype(float)
        return Scores("logit", np.repeat(known[:, None], len(self.prior), axis=1), self.prior)

    def save(self, folder: Path) -> None:
        raise NotImplementedError


class Spy(Family):
    """Notes which rows it was fitted on: the first feature is the number of the original image."""

    name: Literal["spy"] = "spy"
    seen: ClassVar[list[list[float]]] = []

    def fit(self, rows, inputs, components, seed, fold, log) -> Fitted:
        features = inputs.features("toy", fold)
        Spy.seen.append(features[:, 0].tolist())
        return Known(np.unique(features[:, 0]), np.full(len(rows.classes), 1 / len(rows.classes)))

    def load(self, folder: Path, prior: np.ndarray, fold: int | None) -> Fitted:
        raise NotImplementedError


def with_family(family: Family) -> Strategy:
    return make_strategy().model_copy(update={"family": family})


def test_no_model_predicts_a_training_image_that_it_or_a_descendant_of_it_was_fitted_on():
    splits = make_splits()
    balanced = make_balanced(splits)
    number = {name: float(row) for row, name in enumerate(splits["image_id"])}
    originals = Features(splits["image_id"].tolist(), np.array([[n] for n in number.values()], dtype=np.float32))
    new = [row for row in balanced.itertuples() if isinstance(row.file, str)]
    descendants = Features(
        [row.row_id for row in new], np.array([[number[row.parents[0]]] for row in new], dtype=np.float32)
    )
    Spy.seen.clear()
    predictions = fit(with_family(Spy()), features=originals, new_features=descendants).predictions
    assert not scores(predictions).any()
    assert len(Spy.seen) == (FOLDS + 1) * 2
    assert len(Spy.seen[-1]) == len(balanced)


def repeated_splits() -> pd.DataFrame:
    """The split and a second repeat of it with other folds, shuffled within the classes."""
    splits = make_splits()
    other = splits.assign(repeat=1)
    training = other["part"] == "train"
    for _, rows in other[training].groupby("label"):
        other.loc[rows.index, "fold"] = np.random.default_rng(0).permutation(rows["fold"].astype(int))
    return pd.concat([splits, other], ignore_index=True)


def test_every_repeat_predicts_every_training_image_once_a_seed_and_the_test_images_come_once():
    splits, predictions = repeated_splits(), fit(splits=repeated_splits()).predictions
    PREDICTIONS.check(predictions)
    training = splits[splits["part"] == "train"]
    found = predictions[predictions["part"] == "train"]
    for seed, own in found.groupby("seed"):
        merged = own.merge(training, on=["image_id", "repeat"], suffixes=("", "_given"), validate="1:1")
        assert len(merged) == len(training), seed
        assert (merged["fold"] == merged["fold_given"]).all()
    test_part = predictions[predictions["part"] == "test"]
    assert set(test_part["repeat"]) == {0}
    assert sorted(test_part["image_id"]) == sorted([*splits.loc[splits["part"] == "test", "image_id"]])
    plain = fit().predictions
    pd.testing.assert_frame_equal(predictions[predictions["repeat"] == 0].reset_index(drop=True), plain)


def test_in_no_repeat_a_model_predicts_an_image_that_went_into_its_rows():
    """Rows with one parent, with two of which the second repeat parts, and from generators that saw a whole fold."""
    splits = repeated_splits()
    first = splits[splits["repeat"] == 0].reset_index(drop=True)
    balanced = make_balanced(first)
    training = first[first["part"] == "train"]
    more = []
    for (label, fold), own in training.groupby(["label", "fold"]):
        common = {"label": label, "fold": int(fold), "parameters": "{}", "operation": "test"}
        two = own["image_id"].tolist()[:2]
        more.append({**common, "row_id": f"{label}-two-{fold}", "parents": two, "origin": "augmented", "file": "x.png"})
        seen = training.loc[training["fold"] == fold, "image_id"].tolist()
        made = {"row_id": f"{label}-made-{fold}", "parents": own["image_id"].tolist(), "fitted_on": seen}
        more.append({**common, **made, "origin": "synthetic", "file": "y.png"})
    balanced = pd.concat([balanced, pd.DataFrame(more)], ignore_index=True)
    balanced["fitted_on"] = [seen if isinstance(seen, list) else None for seen in balanced["fitted_on"]]
    number = {name: row for row, name in enumerate(first["image_id"])}

    def marks(rows: list[tuple[str, list[str]]]) -> Features:
        """A feature an image: whether it went into the row."""
        values = np.zeros((len(rows), len(number)), dtype=np.float32)
        for row, (_, images) in enumerate(rows):
            values[row, [number[image] for image in images]] = 1
        return Features([name for name, _ in rows], values)

    class Remembered(Known):
        def predict(self, inputs: Inputs) -> Scores:
            found = inputs.features("toy") @ self.rows
            return Scores("logit", np.repeat(found[:, None], len(self.prior), axis=1), self.prior)

    class Memory(Spy):
        def fit(self, rows, inputs, components, seed, fold, log) -> Fitted:
            return Remembered(inputs.features("toy", fold).max(axis=0), np.full(len(rows.classes), 1 / 3))

    new = balanced[balanced["file"].notna()]
    went_in = [(row.row_id, [*row.parents, *(row.fitted_on or [])]) for row in new.itertuples()]
    lines: list[str] = []
    outcome = fit(
        with_family(Memory()),
        splits=splits,
        balanced=balanced,
        features=marks([(name, [name]) for name in number]),
        new_features=marks(went_in),
        tell=lines.append,
    )
    found = outcome.predictions[outcome.predictions["part"] == "train"]
    assert set(found["repeat"]) == {0, 1}
    assert not scores(found).any()
    assert [line for line in lines if "train no fold" in line] == [
        "repeat 1: 9 rows train no fold's models, for their generators saw images of each"
    ]


def test_a_memory_of_the_training_rows_is_no_help_out_of_fold():
    splits = make_splits()
    rows = splits["image_id"].tolist()
    generator = np.random.default_rng(0)
    noise = Features(rows, generator.normal(size=(len(rows), 100)).astype(np.float32))
    balanced = make_balanced(splits)
    balanced = balanced[balanced["origin"] == "original"].reset_index(drop=True)
    settings = FAST | {"steps": 80, "learning_rate": 0.02, "weight_decay": 0.0}
    outcome = fit(settings=settings, balanced=balanced, features=noise, new_features=vectors([]))
    training = splits[splits["part"] == "train"]
    truth = training["label"].map(sorted(COUNTS).index).to_numpy()
    remembered = outcome.model.predict(inputs_of(noise).take(training["image_id"].tolist())).decisions
    assert (remembered == truth).mean() == 1
    train_part = outcome.predictions[outcome.predictions["part"] == "train"]
    right = scores(train_part).argmax(1) == train_part["label"].map(sorted(COUNTS).index)
    assert right.mean() < 36 / 66 + 0.1  # no better than to say "fine" always


def test_a_feature_that_marks_the_rows_of_a_fold_with_their_class_is_no_help_to_that_fold():
    splits = make_splits()
    marks = np.zeros((len(splits), FOLDS, len(COUNTS)), dtype=np.float32)
    for row, image in enumerate(splits.itertuples()):
        if image.part == "train":
            marks[row, image.fold, sorted(COUNTS).index(image.label)] = 1
    marked = Features(splits["image_id"].tolist(), marks.reshape(len(splits), -1))
    balanced = make_balanced(splits)
    balanced = balanced[balanced["origin"] == "original"].reset_index(drop=True)
    predictions = fit(balanced=balanced, features=marked, new_features=vectors([])).predictions
    train_part = predictions[predictions["part"] == "train"]
    for _, own in train_part.groupby(["fold", "seed"]):
        assert_allclose(scores(own), np.tile(scores(own)[0], (len(own), 1)))  # the same, whatever the class


def test_the_prior_is_that_of_the_folds_own_effective_set():
    """A set that the recipe made uneven, in each fold its own way, is corrected by each fold's own counts."""
    splits = make_splits()
    balanced = make_balanced(splits)
    plain, adjusted = (
        fit(make_strategy(posthoc={"name": name}), balanced=balanced).predictions
        for name in ("none", "logit_adjustment")
    )
    taken = scores(plain) - scores(adjusted)
    for row, fold in zip(taken, plain["fold"], strict=True):
        own = balanced if pd.isna(fold) else balanced[balanced["fold"] != fold]
        counts = own["label"].value_counts().sort_index().to_numpy()
        assert_allclose(row, np.log(counts / counts.sum()))


@pytest.mark.parametrize(
    "components",
    [
        {"loss": {"name": "weighted_cross_entropy"}},
        {"sampler": {"name": "class_balanced"}},
        {"loss": {"name": "focal", "alpha": "balanced"}},
    ],
)
def test_what_weights_or_sampling_balanced_is_not_adjusted_again(components):
    plain = fit(make_strategy(**components)).predictions
    adjusted = fit(make_strategy(**components, posthoc={"name": "logit_adjustment"})).predictions
    assert_array_equal(scores(plain).argmax(1), scores(adjusted).argmax(1))
    assert_allclose(scores(adjusted) - scores(plain), math.log(3))


def test_the_order_of_rows_does_not_matter():
    splits = make_splits()
    balanced = make_balanced(splits)
    turned = fit(splits=splits.iloc[::-1], balanced=balanced.iloc[::-1])
    pd.testing.assert_frame_equal(turned.predictions, fit().predictions)
    pd.testing.assert_frame_equal(turned.history, fit().history)


def test_more_seeds_leave_the_first_ones_as_they_were():
    one = fit(settings=FAST | {"seeds": 1}).predictions
    two = fit().predictions
    pd.testing.assert_frame_equal(one, two[two["seed"] == 0].reset_index(drop=True))
    assert (scores(two[two["seed"] == 0]) != scores(two[two["seed"] == 1])).any()


def test_the_history_holds_every_epoch_of_every_fit():
    history = fit().history
    assert list(history) == ["repeat", "fold", "seed", "epoch", "loss"]
    assert history["repeat"].isna().equals(history["fold"].isna())
    # 12 steps: of 45 rows an epoch takes 3 of them, of 60 rows 4, and of all 75 rows 5, the last epoch 2.
    epochs = {0: [1, 2, 3, 4], 1: [1, 2, 3, 4], 2: [1, 2, 3], None: [1, 2, 3]}
    expected = [(seed, fold, epoch) for fold, own in epochs.items() for seed in (0, 1) for epoch in own]
    found = history[["seed", "fold", "epoch"]].astype(object).where(history[["seed", "fold", "epoch"]].notna(), None)
    assert list(found.itertuples(index=False, name=None)) == expected


def test_a_recipe_with_more_rows_takes_as_many_steps_as_one_with_fewer(monkeypatch):
    optimisers: list[AdamW] = []

    class Noted(AdamW):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            optimisers.append(self)

    monkeypatch.setattr(together, "AdamW", Noted)
    balanced = make_balanced(make_splits())
    for rows in (balanced, balanced[balanced["origin"] == "original"]):
        optimisers.clear()
        fit(balanced=rows.reset_index(drop=True))
        assert [each.done for each in optimisers] == [FAST["steps"]] * (FOLDS + 1)  # seeds are fitted together
        assert {each.steps for each in optimisers} == {FAST["steps"]}  # the rate comes down to zero at the last step


def test_a_class_that_lies_in_one_fold_is_refused_with_class_and_fold():
    splits = make_splits()
    splits.loc[splits["label"].eq("crack") & splits["part"].eq("train"), "fold"] = 1
    with pytest.raises(InputError, match=r"'crack' has no training row in the folds other than 1.*ingest.drop"):
        fit(splits=splits, balanced=make_balanced(splits))


def test_a_class_that_the_recipe_dropped_is_refused():
    balanced = make_balanced(make_splits())
    with pytest.raises(InputError, match="'stain' has no training row"):
        fit(balanced=balanced[balanced["label"] != "stain"])


def test_a_class_of_test_images_only_is_refused():
    splits = make_splits()
    splits.loc[splits["label"] == "crack", ["part", "fold"]] = ["test", None]
    with pytest.raises(InputError, match="'crack' has test images but no training image"):
        fit(splits=splits, balanced=make_balanced(splits))


def test_a_descendant_of_a_test_image_is_refused():
    splits = make_splits()
    balanced = make_balanced(splits)
    balanced.at[0, "parents"] = ["fine-005"]
    with pytest.raises(InputError, match="fine-005, which is not a training image"):
        fit(balanced=balanced)


def test_training_that_has_diverged_is_told_in_one_sentence():
    wild = {"name": "head", "backbone": "toy", "steps": 400, "learning_rate": 10.0, "weight_decay": 10.0, "tune": {}}
    with np.errstate(all="ignore"), pytest.raises(InputError, match=r"'head'.*folds other than 0.*lower its learning_"):
        fit(make_strategy(family=wild), settings={"seeds": 1})


def test_a_missing_feature_vector_is_named():
    with pytest.raises(InputError, match=r"crack-\d{3}-n1"):
        fit(new_features=vectors([]))


def make_workspace(root: Path) -> Workspace:
    """A workspace with everything that the stage reads."""
    sections = Path(__file__).parents[3].joinpath("params.yaml").read_text(encoding="utf-8")
    root.joinpath("params.yaml").write_text(sections, encoding="utf-8")
    splits = make_splits()
    balanced = make_balanced(splits)
    for folder in ("catalog", "splits", f"features/{BACKBONE}", "balanced/natural", f"features_new/natural/{BACKBONE}"):
        root.joinpath("data", folder).mkdir(parents=True)
    CATALOG.write(CATALOG.empty(), root / "data/catalog/catalog.parquet")
    SPLITS.write(splits, root / "data/splits/splits.parquet")
    BALANCED.write(balanced, root / "data/balanced/natural/balanced.parquet")
    about = {"backbone": "none", "image_size": 32}
    vectors(splits["image_id"].tolist()).save(root / "data/features" / BACKBONE, about)
    vectors(new_ids(balanced)).save(root / "data/features_new/natural" / BACKBONE, about)
    return Workspace(root, "train@logit_adjusted")


def test_features_of_new_images_that_were_made_otherwise_are_refused(tmp_path):
    workspace = make_workspace(tmp_path)
    path = workspace.path("data", "features_new", "natural", BACKBONE, "features.json")
    path.write_text(json.dumps({"backbone": "none", "image_size": 32, "versions": {"torch": "2.0"}}), encoding="utf-8")
    told = r"features_new/natural/.*versions: \{'torch': '2.0'\}.*versions: none.*--force embed embed_new"
    with pytest.raises(InputError, match=told):
        train.run(workspace, "plain")


def results(root: Path) -> dict[str, bytes]:
    folders = [root / "models", root / "predictions"]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make_workspace(tmp_path_factory.mktemp("workspace"))
    train.run(workspace, "logit_adjusted")
    return workspace


def test_the_stage_writes_the_same_bytes_again(workspace):
    before = results(workspace.root)
    models = ["models/logit_adjusted", *(f"models/logit_adjusted/folds/{fold}" for fold in range(3))]
    assert sorted(before) == sorted(
        [
            *(f"{model}/model.json" for model in models),
            *(f"{model}/seeds/{seed}/model.safetensors" for model in models for seed in range(3)),
            "models/logit_adjusted/history.csv",
            "models/logit_adjusted/tuning.csv",
            "predictions/logit_adjusted/predictions.parquet",
        ]
    )
    train.run(workspace, "logit_adjusted")
    assert results(workspace.root) == before
    assert before["models/logit_adjusted/history.csv"].startswith(b"repeat,fold,seed,epoch,loss\n0,0,0,1,")


def test_the_stage_keeps_thresholds_beside_a_model_that_compares_images(tmp_path):
    workspace = make_workspace(tmp_path)
    params = tmp_path / "params.yaml"
    strategy = (
        "  alike:\n    recipe: natural\n"
        f"    family: {{name: similarity, backbone: {BACKBONE}, dimensions: 4, steps: 9}}\n"
        "    loss: {name: none}\n    sampler: {name: natural}\n    mixing: {name: none}\n"
        "    schedule: {name: constant}\n    posthoc: {name: none}\n"
    )
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("\nstrategies:\n", f"\nstrategies:\n{strategy}", 1), encoding="utf-8")
    train.run(workspace, "alike")
    before = results(tmp_path)
    found = [name for name in before if name.endswith("verification.json")]
    assert found == ["models/alike/verification.json"]
    assert read_verification(tmp_path / "models" / "alike").images == 55
    train.run(workspace, "alike")
    assert results(tmp_path) == before


def alike() -> Strategy:
    family = {"name": "similarity", "backbone": "toy", "dimensions": 4, "steps": 20, "learning_rate": 0.01}
    return make_strategy(family=family, loss={"name": "none"})


def test_pairs_are_of_images_of_one_fold_by_the_model_that_has_not_seen_them():
    outcome = fit(alike())
    splits = make_splits()
    verification = outcome.verification
    assert verification is not None
    assert verification.images == (splits["part"] == "train").sum()
    same, two = [], []
    for fold, model in outcome.fold_models.items():
        rows = splits[splits["fold"] == fold]
        inputs = inputs_of(vectors(rows["image_id"].tolist())).take(rows["image_id"].tolist())
        cosines = np.mean([(units := one.directions(inputs)) @ units.T for one in model.fits], axis=0)
        labels = rows["label"].to_numpy()
        weight = 1 / rows.groupby("label")["label"].transform("size").to_numpy()
        for a in range(len(rows)):
            for b in range(a):
                (same if labels[a] == labels[b] else two).append((cosines[a, b], weight[a] * weight[b]))
    for border, accepts, rejects in verification.curve[::10]:
        assert_allclose(accepts, sum(w for s, w in two if s >= border) / sum(w for _, w in two), atol=1e-5)
        assert_allclose(rejects, sum(w for s, w in same if s < border) / sum(w for _, w in same), atol=1e-5)


def test_relatives_across_a_fold_make_no_pair():
    splits = make_splits()
    apart = fit(alike()).verification
    whole = splits.assign(group=splits["group"].where(splits["label"] != "crack", splits["fold"].map("fold {}".format)))
    together = fit(alike(), splits=whole.astype({"group": str})).verification
    assert apart is not None
    assert together is not None
    assert apart.curve != together.curve, "of the cracks of a fold, which are relatives now, no pair is left"


def test_a_family_without_a_similarity_says_nothing_of_pairs():
    assert fit().verification is None


def workspace_inputs(workspace: Workspace) -> Inputs:
    balanced = BALANCED.read(workspace.path("data", "balanced", "natural", "balanced.parquet"))
    return stored_inputs(workspace, workspace.params.strategies["logit_adjusted"], balanced)


def test_a_loaded_model_gives_the_test_predictions(workspace):
    predictions = PREDICTIONS.read(workspace.path("predictions", "logit_adjusted", "predictions.parquet"))
    test_part = predictions[predictions["part"] == "test"]
    images = sorted(set(test_part["image_id"]))
    inputs = workspace_inputs(workspace).take(images)
    model = load_model(workspace.path("models", "logit_adjusted"))
    assert model.classes == sorted(COUNTS)
    for seed, own in test_part.groupby("seed"):
        assert own["image_id"].tolist() == images
        assert_array_equal(model.predict_each(inputs).values[seed], scores(own))
    assert_allclose(model.predict(inputs).values, scores(test_part).reshape(len(images), -1, 3).mean(axis=1))


def test_the_model_of_a_fold_gives_the_predictions_out_of_fold(workspace):
    predictions = PREDICTIONS.read(workspace.path("predictions", "logit_adjusted", "predictions.parquet"))
    inputs = workspace_inputs(workspace)
    for (fold, seed), own in predictions.dropna(subset="fold").groupby(["fold", "seed"]):
        model = load_model(fold_folder(workspace.path("models", "logit_adjusted"), int(fold)))
        assert_array_equal(model.predict_each(inputs.take(own["image_id"].tolist())).values[seed], scores(own))


def test_the_model_says_what_it_needs_to_predict(workspace):
    facts = json.loads(workspace.path("models", "logit_adjusted", "model.json").read_text())
    assert facts["strategy"] == "logit_adjusted"
    assert facts["family"]["name"] == "head"
    assert facts["family"]["hidden"] == 0
    assert facts["posthoc"] == {"name": "logit_adjustment", "tau": 1.0}
    assert facts["backbone"]["name"] == BACKBONE
    assert facts["backbone"]["image_size"] == 128
    assert facts["depth"] == 16
    assert math.isclose(sum(facts["prior"]), 1)
    predictions = workspace.path("predictions", "logit_adjusted", "predictions.parquet").read_bytes()
    assert facts["predictions"] == hashlib.sha256(predictions).hexdigest()
    splits = workspace.path("data", "splits", "splits.parquet").read_bytes()
    assert facts["splits"] == hashlib.sha256(splits).hexdigest()


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(InputError, match="no model here"):
        load_model(tmp_path)
