"""Mixed images: what every mix owes its two parents, in the plan and in pixels."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.balance.augment.none import Unchanged as NoAugment
from tasks.balance.derive import Copy, Made, Order, Parent
from tasks.balance.make import make
from tasks.balance.mixed import MixedImages
from tasks.balance.mixed.cmo import ContextRichOversampling
from tasks.balance.mixed.cutmix import CutMix
from tasks.balance.mixed.mixup import Mixup
from tasks.balance.mixed.none import Unchanged as NoMix
from tasks.balance.mixed.remix import Remix
from tasks.balance.plan import plan
from tasks.balance.presets.none import Unchanged as NoTransforms
from tasks.balance.resample.none import Unchanged as NoResample
from tasks.balance.streams import stream
from tasks.balance.targets import Target
from tasks.errors import InputError
from tasks.images import open_image
from tasks.lineage import TrainingSet, prove_no_leak
from tasks.registry import components
from tasks.tables import BALANCED

MIXES = [kind() for name, kind in components("tasks.balance.mixed").items() if name != "none"]
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F")
SIZES = ((40, 30), (1, 1), (4000, 10), (2, 500))


def planned(training: TrainingSet, mix: MixedImages, seed: int = 0) -> pd.DataFrame:
    return plan(training, NoResample(), NoAugment(), NoTransforms(), mix, seed).rows


def mixed_of(training: TrainingSet, mix: MixedImages, seed: int = 0) -> pd.DataFrame:
    rows = planned(training, mix, seed)
    return rows[rows["origin"] == "mixed"].reset_index(drop=True)


def saved(folder: Path, name: str, mode: str, size: tuple[int, int], level: int | None = None) -> Parent:
    """A picture in a mode: of one level, or of a slope and noise."""
    y, x = np.mgrid[: size[1], : size[0]]
    noise = np.random.default_rng(len(name)).normal(0, 5, x.shape)
    grey = np.full(x.shape, level) if level is not None else 60 + 100 * x / size[0] + 40 * y / size[1] + noise
    grey = np.clip(grey, 0, 255)
    deep = {"I;16": np.uint16, "F": np.float32}
    if mode in deep:
        image = Image.fromarray((grey * 100).astype(deep[mode]))
    elif mode == "P":
        image = Image.fromarray(np.stack([grey] * 3, axis=2).astype(np.uint8)).quantize(64)
    else:
        image = Image.fromarray(grey.astype(np.uint8)).convert(mode)
    path = folder / f"{name}.{'tif' if mode in ('CMYK', 'F') else 'png'}"
    image.save(path)
    return Parent(path, hashlib.sha256(path.read_bytes()).hexdigest(), 16)


def made(
    mix: MixedImages, base: Parent, partner: Parent, folder: Path, copies: int = 3, seed: int = 0, workers: int = 1
) -> list[Made]:
    orders = [Order(base, tuple(Copy(n, folder / f"m{n}", partner) for n in range(1, copies + 1)))]
    return list(make(orders, mix.specification(), seed, workers))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(open_image(path).image)


@pytest.mark.parametrize("mix", MIXES, ids=lambda one: one.name)
class TestEveryMix:
    """The contract."""

    def test_rows_fit_the_table_and_name_both_parents(self, training: TrainingSet, mix: MixedImages) -> None:
        rows = planned(training, mix)
        BALANCED.check(rows[BALANCED.schema.names].astype({"second_share": "float64"}))
        prove_no_leak(rows, training.rows.assign(repeat=0))
        images = training.rows.set_index("image_id")
        mixed = rows[rows["origin"] == "mixed"]
        assert len(mixed)
        for row in mixed.itertuples():
            base, partner = row.parents
            assert base != partner
            assert images.loc[base, "label"] == row.label
            assert images.loc[base, "fold"] == images.loc[partner, "fold"] == row.fold
            if images.loc[partner, "label"] == row.label:
                assert pd.isna(row.second_label)
                assert pd.isna(row.second_share)
            else:
                assert row.second_label == images.loc[partner, "label"]
                assert 0 <= row.second_share <= 1
            assert row.operation == mix.name
            assert json.loads(row.parameters)["copy"] == row.copy_number

    def test_a_larger_target_adds_rows_and_changes_none(self, training: TrainingSet, mix: MixedImages) -> None:
        less = mixed_of(training, mix.model_copy(update={"to": Target.of({"largest": 0.7})}))
        more = mixed_of(training, mix)
        assert len(less) < len(more)
        kept = more[more["row_id"].isin(less["row_id"])]
        pd.testing.assert_frame_equal(
            less.sort_values("row_id", ignore_index=True), kept.sort_values("row_id", ignore_index=True)
        )

    def test_the_order_of_the_images_changes_nothing(self, training: TrainingSet, mix: MixedImages) -> None:
        shuffled = TrainingSet(training.rows.sample(frac=1, random_state=1).reset_index(drop=True))
        first, second = (mixed_of(one, mix).sort_values("row_id", ignore_index=True) for one in (training, shuffled))
        pd.testing.assert_frame_equal(first, second)

    def test_a_newcomer_becomes_the_partner_of_few(
        self, training_of: Callable[[dict[str, int]], TrainingSet], mix: MixedImages
    ) -> None:
        """One more image among 40 of its fold: it is the partner of about one base in 40, the others keep theirs."""
        before = mixed_of(training_of({"common": 200, "rare": 50}), mix)
        after = mixed_of(training_of({"common": 201, "rare": 50}), mix)
        (newcomer,) = {p for ps in after["parents"] for p in ps} - {p for ps in before["parents"] for p in ps} or {""}
        kept = set(before["row_id"]) & set(after["row_id"])
        changed = len(after) - len(kept)
        assert changed <= 8  # of 150 or so: one row more for the count, and those of the newcomer
        assert newcomer == "" or sum(newcomer in ps for ps in after["parents"]) <= 8

    def test_a_fold_of_one_image_has_nothing_to_mix(
        self, training_of: Callable[[dict[str, int]], TrainingSet], mix: MixedImages
    ) -> None:
        training = training_of({"a": 8, "b": 3})
        alone = TrainingSet(training.rows.assign(fold=range(len(training.rows))))
        assert mixed_of(alone, mix).empty

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("other", ["L", "RGBA", "I;16"])
    def test_keeps_mode_size_and_format_of_the_base(
        self, mix: MixedImages, mode: str, other: str, tmp_path: Path
    ) -> None:
        base = saved(tmp_path, "base", mode, (40, 30))
        partner = saved(tmp_path, "partner", other, (25, 60))
        before = open_image(base.path).image
        for image in made(mix, base, partner, tmp_path / "new"):
            after = open_image(image.file).image
            assert (after.mode, after.size) == (before.mode, before.size)
            assert after.has_transparency_data == before.has_transparency_data
            assert image.file.suffix == base.path.suffix
            assert image.sha256 == hashlib.sha256(image.file.read_bytes()).hexdigest()

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("other", SIZES)
    def test_survives_extreme_sizes(
        self, mix: MixedImages, size: tuple[int, int], other: tuple[int, int], tmp_path: Path
    ) -> None:
        base, partner = saved(tmp_path, "base", "RGB", size), saved(tmp_path, "partner", "L", other)
        for image in made(mix, base, partner, tmp_path / "new", copies=2):
            assert open_image(image.file).image.size == size

    def test_the_label_is_shared_as_the_pixels_are(self, mix: MixedImages, tmp_path: Path) -> None:
        """Black mixed with white: the mean level tells the shares. Two classes of one size, so that none leans."""
        base, partner = (saved(tmp_path, name, "L", (64, 48), level) for name, level in (("b", 250), ("p", 0)))
        for number, image in enumerate(made(mix, base, partner, tmp_path / "new", copies=12), start=1):
            key = stream(mix.specification(), [base.sha256, partner.sha256], number, 0)
            drawn = mix.draw(64, 48, np.random.default_rng(key))
            share = mix.label_share(drawn, 10, 10)
            assert 0 <= share <= 1
            assert pixels(image.file).mean() / 250 == pytest.approx(share, abs=0.01)

    def test_the_bytes_hang_on_contents_copy_and_seed_alone(self, mix: MixedImages, tmp_path: Path) -> None:
        base, partner = saved(tmp_path, "base", "RGB", (40, 30)), saved(tmp_path, "partner", "RGB", (30, 40))
        first = made(mix, base, partner, tmp_path / "one", copies=150)
        again = made(mix, base, partner, tmp_path / "two", copies=150, workers=2)
        few = made(mix, base, partner, tmp_path / "few", copies=3)
        assert [image.sha256 for image in first] == [image.sha256 for image in again]
        assert [image.sha256 for image in first[:3]] == [image.sha256 for image in few]
        other = made(mix, base, partner, tmp_path / "other", copies=3, seed=1)
        assert {image.sha256 for image in few}.isdisjoint(image.sha256 for image in other)


def test_without_a_mix_there_are_no_mixed_rows(training: TrainingSet) -> None:
    assert mixed_of(training, NoMix()).empty


def test_mixup_and_cutmix_fill_each_class_with_images_that_show_it_most(training: TrainingSet) -> None:
    for mix in (Mixup(), CutMix()):
        rows = planned(training, mix)
        assert Counter(rows["label"]) == {"common": 40, "rare": 40, "middling": 40}
        shares = rows.loc[rows["origin"] == "mixed", "second_share"].dropna()
        assert (shares <= 0.5).all()
        assert shares.max() - shares.min() > 0.3


def test_cmo_shares_out_what_is_lacking_by_the_inverse_counts(
    training_of: Callable[[dict[str, int]], TrainingSet],
) -> None:
    """Park et al.'s foreground weights, the golden values for CIFAR-10-LT."""
    counts = dict(zip("abcdefghij", [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], strict=True))
    golden = [0.0040, 0.0067, 0.0112, 0.0187, 0.0312, 0.0520, 0.0867, 0.1447, 0.2424, 0.4024]
    quota = ContextRichOversampling().quota(counts)
    lacking = sum(5000 - count for count in counts.values())
    assert sum(quota.values()) == lacking
    for made_of, weight in zip(quota.values(), golden, strict=True):
        assert made_of / lacking == pytest.approx(weight, abs=6e-5)


def test_cmo_pastes_the_rare_image_onto_the_common_one(tmp_path: Path) -> None:
    base, partner = (saved(tmp_path, name, "L", (40, 40), level) for name, level in (("rare", 250), ("common", 0)))
    for image in made(ContextRichOversampling(), base, partner, tmp_path / "new", copies=20):
        rows, columns = np.nonzero(pixels(image.file))
        if len(rows):  # the pasted part is one box
            assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


def test_remix_gives_the_rare_class_the_whole_label_against_a_much_larger_one(
    training_of: Callable[[dict[str, int]], TrainingSet],
) -> None:
    rows = mixed_of(training_of({"common": 90, "middling": 40, "rare": 10}), Remix())
    pairs = rows.dropna(subset="second_label")
    leaning = {
        ("rare", "common"): True,  # 9 times as large
        ("rare", "middling"): True,  # 4 times
        ("middling", "common"): False,  # 2.25 times
    }
    seen = set()
    for row in pairs.itertuples():
        pair = (row.label, row.second_label)
        if pair in leaning:
            seen.add(pair)
            image_share = json.loads(row.parameters)["image_share"]
            expected = 0.0 if leaning[pair] else 1 - image_share
            assert row.second_share == pytest.approx(expected, abs=1e-6)
    assert seen == set(leaning)


def test_a_partner_of_another_fold_or_a_wrong_second_label_is_found_by_the_proof(training: TrainingSet) -> None:
    rows = mixed_of(training, Mixup())
    splits = training.rows.assign(repeat=0)
    soft = rows.index[rows["second_label"].notna()][0]
    wrong = rows.copy()
    wrong.loc[soft, "second_label"] = "rare" if rows.loc[soft, "second_label"] != "rare" else "common"
    with pytest.raises(InputError, match="says class"):
        prove_no_leak(wrong, splits)
    elsewhere = training.rows[
        (training.rows["fold"] != rows.loc[soft, "fold"]) & (training.rows["label"] == rows.loc[soft, "second_label"])
    ]
    wrong = rows.copy()
    wrong.at[soft, "parents"] = [rows.loc[soft, "parents"][0], elsewhere.iloc[0]["image_id"]]
    with pytest.raises(InputError, match="lies in fold"):
        prove_no_leak(wrong, splits)


@pytest.mark.parametrize(("mode", "levels"), [("I;16", (10, 40)), ("F", (3, 30))])
def test_deep_images_are_mixed_in_their_own_values(mode: str, levels: tuple[int, int], tmp_path: Path) -> None:
    """A box four times as bright as the base stays so."""
    base, partner = (saved(tmp_path, name, mode, (40, 40), level) for name, level in zip("ab", levels, strict=True))
    found = {
        value
        for image in made(CutMix(), base, partner, tmp_path / "new", copies=9)
        for value in np.unique(pixels(image.file))
    }
    assert found == {100 * level for level in levels}


def test_what_lies_under_a_transparent_partner_does_not_come_to_light(tmp_path: Path) -> None:
    base = saved(tmp_path, "base", "RGB", (40, 40), 200)
    path = tmp_path / "clear.png"
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(path)
    partner = Parent(path, "clear", 8)
    found = {
        value
        for image in made(CutMix(), base, partner, tmp_path / "new", copies=9)
        for value in np.unique(pixels(image.file))
    }
    assert found == {128, 200}, "mid grey, as models see it"


def test_what_decides_labels_only_changes_no_picture() -> None:
    assert Remix(ratio=5, threshold=0.1).specification() == Remix().specification()
    assert Remix(alpha=2).specification() != Remix().specification()


def test_classes_are_told_by_shares_of_labels_too(training: TrainingSet) -> None:
    planned_set = plan(training, NoResample(), NoAugment(), NoTransforms(), ContextRichOversampling(), 0)
    told = planned_set.accounts[-1].notes[-1]
    rows = planned_set.rows
    second = rows["second_share"].fillna(0).astype(float)
    for name in training.classes:
        mass = (1 - second)[rows["label"] == name].sum() + second[rows["second_label"] == name].sum()
        assert f"{name} {mass:,.1f}" in told
