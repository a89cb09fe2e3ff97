"""`equipoise similar` and `equipoise enroll`: two images compared, and a class added, by what a model has learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.output_place import is_taken, made_beside
from tasks.errors import InputError

if TYPE_CHECKING:
    from flows.chosen_model import Chosen
    from tasks.similarity.verification import Threshold

KEPT = ("strategy", "recipe", "features", "splits")  # of what is known of a model, what still holds of its copy


def compare(chosen: Chosen, first: Path, second: Path, false_accepts: float) -> list[str]:
    """How alike two images are, as sentences.

    Parameters
    ----------
    chosen
        The model that is asked.
    first, second
        Image files.
    false_accepts
        The share of pairs of two classes that may be called the same.

    Raises
    ------
    InputError
        The model has no similarity, a file can't be read, or no threshold was chosen for that share.
    """
    from tasks.similarity.verification import WANTED

    if false_accepts not in WANTED:
        shares = ", ".join(f"{one:g}" for one in WANTED)
        raise InputError(f"--false-accepts {false_accepts:g}: thresholds are chosen for {shares}; name one of them")
    model, verification = chosen.classifier.model, chosen.classifier.verification
    similarity = float(model.cosines(model.inputs([first, second]))[0, 1])
    told = [f"similarity {similarity:.3f} (a cosine: 1 is as alike as can be, 0 is unrelated)"]
    if verification is None:
        return [
            *told,
            "from where on two images are the same is not known: that takes several folds with pairs of images of one "
            "class that are no relatives, and a model that this version trained (`equipoise run --force train`)",
        ]
    threshold = next(one for one in verification.thresholds if one.wanted == false_accepts)
    return [*told, *_judged(similarity, threshold)]


def _judged(similarity: float, threshold: Threshold) -> list[str]:
    verdict = "same" if similarity >= threshold.similarity else "different"
    accepts, rejects = threshold.false_accepts, threshold.false_rejects
    return [
        f"{verdict}: the same from {threshold.similarity:.3f} on, chosen for {threshold.wanted:.1%} false accepts",
        f"on images that were not learnt from {accepts.value:.1%} of the pairs of two classes are called the same "
        f"(95 % interval {accepts.low:.1%} to {accepts.high:.1%}), and {rejects.value:.1%} of those of one class "
        f"different ({rejects.low:.1%} to {rejects.high:.1%})",
    ]


def enroll(root: Path, chosen: Chosen, name: str, files: Sequence[Path], folder: Path, workers: int) -> int:
    """Write a copy of a model that knows one class more; returns from how many different images.

    Parameters
    ----------
    root
        The workspace.
    chosen
        The model.
    name
        The class.
    files
        Images of it.
    folder
        New or empty; it appears whole or not at all.
    workers
        Number of processes; changes time only.

    Raises
    ------
    InputError
        The class can't be added (`tasks.similarity.enrolling.enrolled`), or nothing should or can be written there.
    """
    from tasks.files import write_json
    from tasks.fingerprints import file_hash
    from tasks.similarity.enrolling import enrolled
    from tasks.similarity.verification import FILE
    from tasks.train.ensembles import require_single
    from tasks.train.models import ENROLLED, save_model

    _require_place(root, folder)
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: there is no such file")
    images = dict(sorted((file_hash(file), file) for file in files))
    classifier = chosen.classifier
    model = enrolled(
        require_single(classifier.model, chosen.title, "taught another class"), name, list(images.values()), workers
    )
    about = {key: classifier.about[key] for key in KEPT if key in classifier.about}
    before = classifier.about.get(ENROLLED, [])
    about[ENROLLED] = [*before, {"class": name, "images": list(images)}]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with made_beside(folder, ".enrolled-") as beside:
            save_model(model, beside, about)
            if classifier.verification is not None:
                write_json(beside / FILE, classifier.verification.as_json())
    except OSError as error:
        raise InputError(f"{folder}: nothing can be written there ({error.strerror}); choose another --to") from error
    return len(images)


def _require_place(root: Path, folder: Path) -> None:
    """Refuse a folder where something stands, or that stages own (`InputError`)."""
    if is_taken(folder):
        raise InputError(f"{folder}: is there already; name a folder that is new or empty with --to")
    for own in ("models", "data", "predictions", "ensembles", "reports"):
        if folder.resolve().is_relative_to((root / own).resolve()):
            raise InputError(f"{folder}: lies in {own}, which only stages write; choose another --to")
