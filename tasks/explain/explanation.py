"""What is said of one image: the decision, the scores on their way to it, where they come from, what is like it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.errors import InputError
from tasks.explain.grad_cam import grad_cam
from tasks.images import UnreadableError, open_image, to_rgb
from tasks.inputs import Inputs
from tasks.network import network_of
from tasks.rules import Rule
from tasks.scores import decisions, has_probabilities, probabilities
from tasks.train.models import Model
from tasks.train.nearest import Reference

NEAREST = 8  # training images that are shown
Cells = Callable[[int, list[int]], NDArray[np.float64]]  # of an image, by its row, and of classes


@dataclass(frozen=True)
class Neighbour:
    """A training image, and how far it is: 1 less the cosine of the features."""

    file: Path
    label: str
    distance: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """What is said of one image.

    Attributes
    ----------
    file, image
        Where it stands; as the model sees it, but for its size.
    strategy
        Whose model decided.
    classes
        The K classes.
    kind
        Of the scores.
    before, shift, after
        Shape (K,): scores of the network, what the post-hoc rule adds to them, and their sum.
    uncorrected
        Probabilities, shape (K,), as the scores after the post-hoc rule say them; None where they say none.
    corrected
        Probabilities after the correction that was fitted on out-of-fold scores; None where none was.
    decided, shown
        Codes: of the decision, and of the classes whose heat maps are shown.
    goal
        What the decision is made for; empty where the largest score decides.
    cells
        `grad_cam` of `shown`; of a model that looks for what is odd one map, of how much odder each place is than those
        of normal images mostly are.
    is_odd
        Whether it is that.
    resize
        How the image became the square that the network saw.
    neighbours
        The nearest training images, the nearest first; none where they are not at hand.
    """

    file: Path
    image: Image.Image
    strategy: str
    classes: list[str]
    kind: str
    before: NDArray[np.float64]
    shift: NDArray[np.float64]
    after: NDArray[np.float64]
    uncorrected: NDArray[np.float64] | None
    corrected: NDArray[np.float64] | None
    decided: int
    shown: list[int]
    goal: str
    cells: NDArray[np.float64]
    is_odd: bool
    resize: str
    neighbours: list[Neighbour]

    @property
    def label(self) -> str:
        """The decided class."""
        return self.classes[self.decided]

    @property
    def shares(self) -> NDArray[np.float64] | None:
        """The best probabilities that there are, shape (K,)."""
        return self.uncorrected if self.corrected is None else self.corrected

    @property
    def order(self) -> list[int]:
        """Codes, the most probable first."""
        return [int(code) for code in np.argsort(-(self.after if self.shares is None else self.shares), kind="stable")]


def read_image(file: Path, depth: int) -> Image.Image:
    """An image as a model with scale `depth` sees it.

    Raises
    ------
    InputError
        It can't be read as an image.
    """
    if file.is_dir():
        raise InputError(f"{file}: is a folder; name image files")
    if not file.exists():
        raise InputError(f"{file}: there is no such file")
    try:
        return to_rgb(open_image(file).image, depth)
    except UnreadableError as error:
        raise InputError(f"{file}: can't be read as an image ({error})") from None


def explain(
    model: Model, strategy: str, rule: Rule | None, files: Sequence[Path], reference: Reference | None, wanted: str = ""
) -> list[Explanation]:
    """Explain what a model says of image files.

    Parameters
    ----------
    model, strategy
        The model, and its strategy's name.
    rule
        How its scores are read; None: the largest decides.
    files
        The images.
    reference
        The training images; None where they are not at hand.
    wanted
        A class whose heat map is shown; empty: the decided class and the runner-up.

    Raises
    ------
    InputError
        The model can't be explained, there is no such class, or a file can't be read as an image.
    """
    images = [read_image(file, model.depth) for file in files]
    inputs = model.inputs(files)
    odd = model.places(inputs)
    cells = _grad_cams(model, strategy, images) if odd is None else _odd_places(odd, strategy, wanted)
    if wanted and wanted not in model.classes:
        raise InputError(f"--class: there is no class {wanted!r}; there are {', '.join(model.classes)}")
    raw = model.scores(inputs)
    before, after = raw.values.mean(axis=0), model.posthoc.adjust(raw).values.mean(axis=0)
    uncorrected = probabilities(after, raw.kind) if has_probabilities(raw.kind) else None
    corrected = rule.probabilities(after) if rule else None
    chosen = rule.decide(after) if rule else decisions(after)
    found = []
    for row, (file, image) in enumerate(zip(files, images, strict=True)):
        best = uncorrected if corrected is None else corrected
        ranked = np.argsort(-(after if best is None else best)[row], kind="stable")
        runner_up = next(int(code) for code in ranked if code != chosen[row])
        shown = [model.classes.index(wanted)] if wanted else [int(chosen[row]), runner_up]
        found.append(
            Explanation(
                file=file,
                image=image,
                strategy=strategy,
                classes=model.classes,
                kind=raw.kind,
                before=before[row],
                shift=after[row] - before[row],
                after=after[row],
                uncorrected=None if uncorrected is None else uncorrected[row],
                corrected=None if corrected is None else corrected[row],
                decided=int(chosen[row]),
                shown=shown,
                goal=rule.goal.label if rule and chosen[row] != after[row].argmax() else "",
                cells=cells(row, shown),
                is_odd=odd is not None,
                resize=model.shown.get("resize", "squash"),
                neighbours=_neighbours(model, inputs, row, reference, file),
            )
        )
    return found


def _grad_cams(model: Model, strategy: str, images: Sequence[Image.Image]) -> Cells:
    network = network_of(model, strategy, "explained")
    if not network.cuts:
        raise InputError(f"{strategy}: its model does not show the maps of its network; name another with --model")
    return lambda row, shown: grad_cam(network, np.asarray(images[row]), shown)


def _odd_places(odd: NDArray[np.float64], strategy: str, wanted: str) -> Cells:
    if wanted:
        raise InputError(
            f"--class: the model of {strategy} shows where an image is odd, whatever it is taken for; leave it out"
        )
    return lambda row, _: odd[[row]].clip(min=0)


def _neighbours(model: Model, inputs: Inputs, row: int, reference: Reference | None, file: Path) -> list[Neighbour]:
    """The training images nearest to an image in the model's features, without the image itself."""
    if reference is None:
        return []
    vectors = inputs.features(model.family.backbone, model.fold)
    rows, distances = reference.several(vectors[row], file, NEAREST)
    return [
        Neighbour(Path(reference.paths[row]), reference.labels[row], float(distance))
        for row, distance in zip(rows, distances, strict=True)
    ]
