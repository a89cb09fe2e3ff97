"""folder: images made elsewhere serve the fold of their parents, each once, and only where nothing can leak."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tasks.errors import InputError
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.generators.folder import FolderOfImages
from tasks.synthesize.made_elsewhere import digest_of_images

CLASSES = ["cat", "dog"]


def picture(place: Path, grey: int, size: tuple[int, int] = (20, 12)) -> str:
    """A plain picture; the id that it would have as a training image."""
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (grey, grey, grey)).save(place)
    return hashlib.sha256(place.read_bytes()).hexdigest()[:16]


@pytest.fixture
def originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A workspace with originals: the id of each by its path below data/raw. Fold 0 holds those with an a."""
    monkeypatch.chdir(tmp_path)
    names = ["cat/a1.png", "cat/a2.png", "dog/a3.png", "cat/b1.png", "dog/b2.png"]
    return {name: picture(Path("data/raw") / name, 10 + at) for at, name in enumerate(names)}


def fold_of(originals: dict[str, str], letter: str) -> Examples:
    names = [name for name in originals if f"/{letter}" in name] if letter else list(originals)
    labels = np.array([CLASSES.index(name.partition("/")[0]) for name in names])
    pixels = np.zeros((len(names), 16, 16, 3), np.uint8)
    return Examples("ab".find(letter) if letter else None, pixels, labels, CLASSES, [originals[name] for name in names])


def generator(**settings: Any) -> FolderOfImages:
    digest = digest_of_images(Path("data/drawn"))
    return FolderOfImages(**{"folder": "data/drawn", "digest": digest, "image_size": 16} | settings)


def table(*rows: tuple[str, str, str], head: str = "path,label,parents") -> None:
    for path, _, _ in rows:
        if not Path("data/drawn", path).exists():
            picture(Path("data/drawn", path), 100 + len(list(Path("data/drawn").rglob("*.png"))))
    lines = [head, *(",".join(row[: head.count(",") + 1]) for row in rows)]
    Path("data/drawn/images.csv").write_text("\n".join(lines) + "\n")


def wishes(label: int, number: int) -> list[Wanted]:
    return [Wanted(label, seed) for seed in range(number)]


def test_an_image_serves_the_fold_of_its_parents_named_by_ids_or_paths(originals: dict[str, str]) -> None:
    table(
        ("1.png", "cat", originals["cat/a1.png"]),
        ("2.png", "cat", "cat/a1.png;data/raw/cat/a2.png"),
        ("3.png", "cat", "cat/b1.png"),
        ("4.png", "dog", "dog/b2.png"),
    )
    first = list(generator().fit(fold_of(originals, "a"), 0).sample(wishes(0, 9)))
    by_name = {one.parameters["image"]: one for one in first}
    assert set(by_name) == {"1.png", "2.png"}
    assert by_name["1.png"].parents == (originals["cat/a1.png"],)
    assert by_name["2.png"].parents == (originals["cat/a1.png"], originals["cat/a2.png"])
    second = generator().fit(fold_of(originals, "b"), 0)
    assert [one.parameters["image"] for one in second.sample(wishes(0, 9))] == ["3.png"]
    assert [one.parameters["image"] for one in second.sample(wishes(1, 9))] == ["4.png"]


def test_what_could_leak_or_is_of_two_classes_is_dropped_and_told(
    originals: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    table(
        ("1.png", "cat", "cat/a1.png"),
        ("2.png", "cat", "cat/a1.png;cat/b1.png"),  # of two folds
        ("3.png", "cat", "cat/b1.png"),  # of another fold
        ("4.png", "cat", "dog/a3.png"),  # of another class
        ("5.png", "cat", ""),
        ("6.png", "cat", "cat/a1.png;cat/nowhere.png"),
        ("7.png", "cat", "0123456789abcdef"),
    )
    fitted = generator().fit(fold_of(originals, "a"), 0)
    assert [one.parameters["image"] for one in fitted.sample(wishes(0, 9))] == ["1.png"]
    said = capsys.readouterr().out
    assert "fold 0: 1 of 7 images of data/drawn serve here" in said
    assert "2 whose parents lie in several folds, or are no training images, are left out" in said
    assert "2 have parents in other folds, or no training images" in said
    assert "1 whose parents are of another class are left out" in said
    assert "1 that name no parents are left out" in said
    assert "data/drawn holds no more images of 'cat' that serve here than 1" in said


def test_images_without_parents_cannot_be_judged_fold_by_fold(originals: dict[str, str]) -> None:
    for number in range(3):
        picture(Path(f"data/drawn/cat/{number}.png"), 50 + number)
    with pytest.raises(InputError, match=r"name no parents.*column parents of images\.csv"):
        generator().fit(fold_of(originals, "a"), 0)
    with pytest.raises(InputError, match=r"per_fold: false would serve every fold.*write per_fold: true"):
        generator(per_fold=False).fit(fold_of(originals, "a"), 0)
    images = list(generator(per_fold=False).fit(fold_of(originals, ""), 0).sample(wishes(0, 9)))
    assert len(images) == 3
    assert {one.parents for one in images} == {None}


def test_one_set_for_all_folds_still_knows_what_is_no_training_image(originals: dict[str, str]) -> None:
    table(("1.png", "cat", "cat/a1.png;cat/b1.png"), ("2.png", "cat", "cat/test.png"), ("3.png", "cat", ""))
    picture(Path("data/raw/cat/test.png"), 99)
    images = generator(per_fold=False).fit(fold_of(originals, ""), 0).sample(wishes(0, 9))
    parents = {one.parameters["image"]: one.parents for one in images}
    assert parents == {"1.png": (originals["cat/a1.png"], originals["cat/b1.png"]), "3.png": None}


def test_images_come_in_the_order_of_their_contents_each_once_squashed(originals: dict[str, str]) -> None:
    Path("data/drawn/cat/deep").mkdir(parents=True)
    hashes = {}
    for number in range(5):
        place = Path(f"data/drawn/cat/{'deep/' * (number % 2)}{number}.png")
        picture(place, 40 + 10 * number)
        hashes[hashlib.sha256(place.read_bytes()).hexdigest()] = 40 + 10 * number
    picture(Path("data/drawn/cat/again.png"), 40)
    Path("data/drawn/cat/.hidden.png").write_bytes(b"")
    Path("data/drawn/cat/notes.txt").write_text("drawn by hand")
    fitted = generator(per_fold=False).fit(fold_of(originals, ""), 0)
    images = list(fitted.sample(wishes(0, 9)))
    assert [one.parameters["sha256"] for one in images] == sorted(hashes)
    for one in images:
        assert one.pixels.shape == (16, 16, 3)
        assert (one.pixels == hashes[one.parameters["sha256"]]).all()
    assert [fitted.most(0), fitted.most(1)] == [5, 0]
    fewer = list(fitted.sample(wishes(0, 2)))
    assert [one.parameters for one in fewer] == [one.parameters for one in images[:2]]
    assert fitted.digest == digest_of_images(Path("data/drawn"))


def test_a_file_that_is_no_whole_image_is_told(originals: dict[str, str]) -> None:
    picture(Path("data/drawn/cat/1.png"), 50)
    whole = Path("data/drawn/cat/1.png").read_bytes()
    Path("data/drawn/cat/1.png").write_bytes(whole[:-20])
    fitted = generator(per_fold=False).fit(fold_of(originals, ""), 0)
    with pytest.raises(InputError, match=r"1\.png: can't be read as an image \(damaged.*mend it or delete it"):
        next(fitted.sample(wishes(0, 1)))


def test_other_files_are_other_parameters(originals: dict[str, str]) -> None:
    table(("1.png", "cat", "cat/a1.png"))
    before = generator()
    now = before.digest
    Path("data/drawn/readme.txt").write_text("not looked at")
    assert digest_of_images(Path("data/drawn")) == now
    table(("1.png", "cat", "cat/a2.png"))
    with pytest.raises(InputError, match=f"the images in data/drawn are not those of digest {now}.*write digest: "):
        before.fit(fold_of(originals, "a"), 0)


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ([("1.png", "cat", "")], "file,label", "has no column path; it needs path and label"),
        ([("1.png", "", "")], "path,label", "row 2: no label"),
        ([("1.png", "cat", ""), ("./1.png", "cat", "")], "path,label", "row 3: a path that stands in a row above"),
        ([("../../outside.png", "cat", "")], "path,label", "row 2: a path that is no file in"),
        ([("1.png", "cow", "cat/a1.png")], "path,label,parents", "there is no class 'cow'"),
    ],
)
def test_a_table_with_a_mistake_is_refused(
    originals: dict[str, str], rows: list[tuple[str, str, str]], head: str, said: str
) -> None:
    Path("data/drawn").mkdir()
    table(*rows, head=head)
    with pytest.raises(InputError, match=said):
        generator().fit(fold_of(originals, "a"), 0)


def test_one_image_of_two_classes_is_refused(originals: dict[str, str]) -> None:
    for label in CLASSES:
        picture(Path(f"data/drawn/{label}/1.png"), 50)
    with pytest.raises(InputError, match=r"cat/1\.png \(cat\) and dog/1\.png \(dog\) are the same image"):
        generator(per_fold=False).fit(fold_of(originals, ""), 0)


def test_a_folder_that_is_not_there_or_empty_is_refused(originals: dict[str, str]) -> None:
    with pytest.raises(InputError, match="there is no folder data/drawn with images"):
        generator()
    Path("data/drawn").mkdir()
    with pytest.raises(InputError, match="data/drawn holds no images: put those of each class into"):
        generator()
    with pytest.raises(InputError, match="no folder is named: write folder"):
        FolderOfImages().fit(fold_of(originals, "a"), 0)


@pytest.mark.parametrize("place", ["/home/drawn", "../drawn", "data/../../drawn", "~/drawn", "C:\\drawn"])
def test_a_folder_outside_of_the_workspace_is_refused(place: str) -> None:
    with pytest.raises(ValidationError, match=r"lies outside of the workspace.*copy the images"):
        FolderOfImages(folder=place)


@pytest.mark.parametrize("place", ["data/raw", "data/raw/cat", "data", "."])
def test_the_originals_are_no_images_made_elsewhere(place: str) -> None:
    with pytest.raises(ValidationError, match="holds the originals"):
        FolderOfImages(folder=place)
