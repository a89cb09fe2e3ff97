"""Settings that are chosen inside the folds: by what, on which images, and what it may not see."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fits import as_inputs, hard_task, inputs_of
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from test_train import COUNTS, FAST, FOLDS, fit, make_balanced, make_splits, make_strategy, new_ids, scores, vectors

from tasks.scores import Scores
from tasks.train.families import Components, Fit, Log
from tasks.train.families.anomaly import Anomaly
from tasks.train.families.classical import Classical
from tasks.train.families.head import Head
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.mixing.none import Unmixed
from tasks.train.rounds import rounds_of
from tasks.train.samplers.natural import Natural
from tasks.train.schedules.constant import Unscheduled
from tasks.train.tuning import Chooser, balanced_losses, first_among_the_best

RATES = [1e-9, 0.05]  # the first learns nothing


def tuned(posthoc: dict | None = None, **changes: object):
    settings = {key: value for key, value in FAST.items() if key not in ("learning_rate", "weight_decay", "tune")}
    family = {"name": "head", "backbone": "toy", "steps": 12, "batch_size": 16, "tune": {"learning_rate": RATES}}
    strategy = make_strategy(family=family | changes.pop("family", {}), posthoc=posthoc or {"name": "none"})
    return fit(strategy, settings=settings, **changes)


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_counts_classes_alike_at_the_best_temperature(seed):
    stream = np.random.default_rng(seed)
    targets = np.repeat([0, 1, 2], [20, 5, 3])
    values = 4 * stream.normal(size=(28, 3)) + 3 * np.eye(3)[targets]
    found = []
    for temperature in np.exp(np.linspace(-3, 3, 601)):
        of_class = []
        for code in range(3):
            own = []
            for row in np.flatnonzero(targets == code):
                z = values[row] / temperature
                own.append(np.log(np.exp(z - z.max()).sum()) + z.max() - z[code])
            of_class.append(np.mean(own))
        found.append(np.mean(of_class))
    for scale in (1.0, 0.3, 5.0):
        scored = Scores("logit", scale * values, np.full(3, 1 / 3))
        assert balanced_losses(scored, targets).sum() == pytest.approx(min(found), abs=1e-4)


def test_the_setting_with_the_lowest_loss_is_that_of_the_model():
    made, fixed = tuned(), fit(settings=FAST | {"learning_rate": 0.05, "weight_decay": 0.1})
    assert_array_equal(scores(made.predictions), scores(fixed.predictions))
    assert made.model.family.learning_rate == 0.05
    assert not made.model.family.tune
    table = made.tuning
    assert list(table) == ["repeat", "fold", "learning_rate", "loss", "chosen"]
    assert len(table) == 2 * (FOLDS + 1)
    assert table.loc[table["chosen"], "learning_rate"].tolist() == [0.05] * (FOLDS + 1)
    by_round = table.assign(fold=table["fold"].astype(object).fillna("all")).groupby("fold")
    assert (by_round["loss"].transform("min") == table["loss"]).equals(table["chosen"])
    assert fit().tuning is None


GRID = {"learning_rate": [0.003, 0.05], "weight_decay": [0.1, 100.0]}


def choosers(folds_differ: bool, fitted: list[set[int]] | None = None) -> tuple[Chooser, list]:
    splits = make_splits()
    balanced = make_balanced(splits).sort_values("row_id", ignore_index=True)
    noisy = vectors(splits["image_id"].tolist(), noise=1.5)
    family = {"name": "head", "backbone": "toy", "steps": 12, "batch_size": 16, "tune": GRID}
    strategy = make_strategy(family=family, posthoc={"name": "logit_adjustment", "tau": 1.0})
    components = Components(strategy.loss, strategy.sampler, strategy.mixing, strategy.schedule)
    made = Chooser(strategy, inputs_of(noisy, vectors(new_ids(balanced))), components, folds_differ, None)
    return made, rounds_of(splits, balanced)


def test_a_round_chooses_by_every_other_fold_each_scored_by_models_that_saw_neither():
    chooser, rounds = choosers(folds_differ=True)
    head, components = chooser.strategy.family, chooser.components
    for one in rounds:
        wanted = []
        for candidate in head.candidates:
            values, targets = [], []
            for inner in one.within():
                of_fold = chooser.inputs.take(inner.unseen["image_id"].tolist())
                rows = chooser.inputs.take(inner.rows.ids)
                scored = candidate.fit(inner.rows, rows, components, 0, one.fold, Log()).predict(of_fold)
                values.append(scored.values - np.log(scored.prior))
                targets.append(inner.targets)
            assert len(values) == FOLDS - (one.fold is not None)
            truth, rows = np.concatenate(targets), np.concatenate(values)
            losses = []
            for temperature in np.exp(np.linspace(-7, 7, 2801)):
                cooled = (rows - rows.max(1, keepdims=True)) / temperature
                logs = cooled - np.log(np.exp(cooled).sum(1, keepdims=True))
                of_row = -logs[np.arange(len(truth)), truth]
                losses.append(np.mean([of_row[truth == code].mean() for code in range(3)]))
            wanted.append(min(losses))
        assert_allclose(chooser.choose(one).losses, wanted, atol=1e-4)


def test_what_leaves_out_the_same_two_folds_is_fitted_once_where_folds_see_the_same_features(monkeypatch):
    left_out: list[int] = []
    plain = Head.fit_candidates
    monkeypatch.setattr(Head, "fit_candidates", lambda self, fit: left_out.append(1) or plain(self, fit))
    found = {}
    for folds_differ in (True, False):
        left_out.clear()
        chooser, rounds = choosers(folds_differ)
        found[folds_differ] = [chooser.choose(one).losses for one in rounds]
        pairs = FOLDS * (FOLDS - 1)
        assert len(left_out) == FOLDS + (pairs if folds_differ else pairs // 2)
    assert found[True] == found[False]


def test_of_what_can_not_be_told_from_the_best_the_first_is_taken():
    """By plain loops over groups and classes; clones of one image count as one."""
    stream = np.random.default_rng(0)
    for _ in range(200):
        targets = np.repeat([0, 1, 2], [40, 8, 4])
        groups = stream.permutation(np.arange(len(targets)) // 2)
        weights = np.array([1 / 3 / (targets == code).sum() for code in targets])
        candidates = [weights * (1 + stream.normal(scale=0.3, size=len(targets)) + at / 20) for at in (2, 0, 1)]
        candidates = [candidates[at] for at in stream.permutation(3)]
        best = min(candidates, key=np.sum)
        wanted = None
        for number, one in enumerate(candidates):
            worse = (one - best) / weights
            means = {code: worse[targets == code].mean() for code in range(3)}
            square = 0.0
            for group in set(groups):
                of_group = [
                    weights[row] * (worse[row] - means[targets[row]]) for row in np.flatnonzero(groups == group)
                ]
                square += sum(of_group) ** 2
            if wanted is None and np.mean(list(means.values())) <= square**0.5:
                wanted = number
        assert first_among_the_best(candidates, targets, groups) == wanted


def test_a_candidate_that_has_diverged_is_the_worst():
    targets, groups = np.array([0, 0, 1, 1]), np.arange(4)
    lost, poor, good = np.full(4, np.nan), np.full(4, 3.0), np.array([0.1, 0.2, 0.1, 0.2])
    with np.errstate(invalid="ignore"):
        assert first_among_the_best([lost, poor, good], targets, groups) == 2
        assert first_among_the_best([good, lost, poor], targets, groups) == 0
        assert first_among_the_best([lost, good * np.inf, lost], targets, groups) == 0


def test_one_more_fold_is_set_aside_and_its_relatives_with_it():
    splits = make_splits()
    balanced = make_balanced(splits).sort_values("row_id", ignore_index=True)
    for one in rounds_of(splits, balanced):
        own_folds = {*range(FOLDS)} - {one.fold}
        inner = list(one.within())
        assert len(inner) == len(own_folds)
        assert inner[0].fold == one.fold
        aside = [set(each.unseen["fold"].astype(int)) for each in inner]
        assert sorted(fold for each in aside for fold in each) == sorted(own_folds)
        for each, (fold,) in zip(inner, aside, strict=True):
            assert set(each.unseen["part"]) == {"train"}
            left = {name.rsplit("-", name.count("-") - 1)[0] for name in each.rows.ids}
            allowed = splits.loc[splits["fold"].isin(own_folds - {fold}), "image_id"]
            assert left == set(allowed)


def test_labels_of_a_fold_have_no_part_in_the_settings_of_its_models():
    splits = make_splits()
    noisy = vectors(splits["image_id"].tolist(), noise=3.0)
    grid = {"tune": {"learning_rate": [0.001, 0.01, 0.05], "weight_decay": [0.1, 100.0]}}
    before = tuned(family=grid, features=noisy).tuning
    turned = splits.copy()
    inside = (turned["fold"] == 1) & turned["label"].isin(["crack", "stain"])
    turned.loc[inside, "label"] = turned.loc[inside, "label"].map({"crack": "stain", "stain": "crack"})
    balanced = make_balanced(splits)
    labels = turned.set_index("image_id")["label"]
    balanced["label"] = [labels[parents[0]] for parents in balanced["parents"]]
    after = tuned(family=grid, features=noisy, splits=turned, balanced=balanced).tuning
    same = before["fold"] == 1
    pd.testing.assert_frame_equal(before[same], after[same])
    assert (before.loc[~same, "loss"] != after.loc[~same, "loss"]).all()


def test_a_fold_that_holds_all_that_is_left_of_a_class_is_not_set_aside():
    """Cracks lie in folds 0 and 1: without fold 0, fold 1 can't be set aside, and fold 2 is."""
    splits = make_splits()
    rare = splits["label"].eq("crack") & splits["part"].eq("train")
    splits.loc[rare, "fold"] = splits.loc[rare, "fold"] % 2
    made = tuned(splits=splits, balanced=make_balanced(splits))
    assert made.tuning["fold"].notna().sum() == 2 * FOLDS


def test_where_nothing_can_be_set_aside_settings_stay_and_it_is_said():
    splits = make_splits()
    for label in COUNTS:
        own = splits.index[splits["label"].eq(label) & splits["part"].eq("train")]
        splits.loc[own, "fold"] = [number % 2 for number in range(len(own))]
    lines: list[str] = []
    made = tuned(splits=splits, balanced=make_balanced(splits), tell=lines.append)
    told = [line for line in lines if "too few images to choose settings" in line]
    assert [line.split(" for ")[1] for line in told] == [
        f"the folds other than {fold}: they stay as they are" for fold in (0, 1)
    ]
    assert made.fold_models[0].family.learning_rate == Head().learning_rate
    assert made.model.family.learning_rate == RATES[1]


@pytest.mark.parametrize("hidden", [0, 5])
def test_candidates_fitted_together_are_those_fitted_alone(hidden):
    stream = np.random.default_rng(0)
    features = stream.normal(size=(60, 8)).astype(np.float32)
    task = hard_task(features, stream.integers(0, 3, 60), 3, CrossEntropy(), Natural(), {}, 0)
    grid = {"learning_rate": [0.01, 0.1], "steps": [5, 20], "weight_decay": [0.1, 3.0]}
    family = Head(backbone="toy", hidden=hidden, batch_size=16, tune=grid)
    components = Components(task.loss, Natural(), Unmixed(), Unscheduled())
    together = family.fit_candidates(Fit(task.rows, as_inputs(features), components, 0, None, Log()))
    assert len(family.candidates) == 8
    for made, one in zip(together, family.candidates, strict=True):
        alone = one.fit(task.rows, as_inputs(features), components, 0, None, Log())
        values = (fitted.predict(as_inputs(features)).values for fitted in (made, alone))
        assert_allclose(*values, atol=1e-5)


def test_a_heads_rate_and_decay_are_tuned_where_they_are_not_written():
    head = Head(backbone="toy")
    assert head.tune == {"learning_rate": [0.0015, 0.005], "weight_decay": [0.1, 3.0, 30.0]}
    assert head.candidates[0] == head.untuned
    assert [(one.learning_rate, one.weight_decay) for one in head.candidates] == head.choices
    assert not any(one.tune for one in head.candidates)
    assert set(Head(backbone="toy", learning_rate=0.01).tune) == {"weight_decay"}
    assert Head(backbone="toy", learning_rate=0.01, weight_decay=1).tune == {}
    assert Head(backbone="toy", tune={}).tune == {}
    assert Head.model_validate(head.model_dump()) == head
    assert "tune" not in head.model_dump(exclude_unset=True)
    assert Head.model_validate(head.untuned.model_dump()) == head.untuned


def test_settings_of_components_are_tuned_by_their_path():
    family = Classical(backbone="toy", classifier={"name": "svm"}, tune={"classifier.cost": [0.5, 2.0]})
    assert [one.classifier.cost for one in family.candidates] == [0.5, 2.0]


@pytest.mark.parametrize(
    ("family", "settings", "why"),
    [
        (Head, {"tune": {"rate": [0.1, 0.2]}}, "'rate' is no setting of 'head' that can be tuned"),
        (Head, {"tune": {"backbone": ["a", "b"]}}, "'backbone' is no setting of 'head' that can be tuned"),
        (Head, {"tune": {"classifier.cost": [1, 2]}}, "'classifier.cost' is no setting"),
        (Head, {"tune": {"steps": [10]}}, "steps.*leaves nothing to choose"),
        (Head, {"tune": {"steps": [10, 10]}}, "steps.*leaves nothing to choose"),
        (Head, {"tune": {"steps": [*range(1, 66)]}}, "65 candidates; choose from 64 at most"),
        (Head, {"tune": {"steps": [10, -1]}}, "greater than or equal to 1"),
        (Anomaly, {"tune": {"normal": ["", "a"]}}, "no probabilities"),
    ],
)
def test_what_can_not_be_tuned_is_refused(family, settings, why):
    with pytest.raises(ValidationError, match=why):
        family(backbone="toy", **settings)


def test_candidates_are_judged_by_the_rule_for_the_shares_that_are_stated(monkeypatch):
    """Not for those of the images, by which the rule goes where none are stated."""
    shares = {"crack": 8.0, "fine": 1.0, "stain": 1.0}
    judged = []
    monkeypatch.setattr(
        "tasks.train.tuning.balanced_losses",
        lambda scores, targets: judged.append(scores.prior) or balanced_losses(scores, targets),
    )
    made = tuned(posthoc={"name": "prior_correction", "shares": shares})
    assert made.model.posthoc.target == [8.0, 1.0, 1.0]
    assert len(judged) == len(RATES) * (FOLDS + 1)
    for prior in judged:
        assert_allclose(prior, [0.8, 0.1, 0.1])
