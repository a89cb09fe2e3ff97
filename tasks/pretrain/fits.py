"""One network a fold, and one for all training rows: which images each sees, and what is written of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.decoding import Decoded
from tasks.errors import InputError
from tasks.features import FOLDS, Features
from tasks.files import write_json
from tasks.parallel import each
from tasks.pretrain.backbone import Pretrained, write_backbone
from tasks.pretrain.images import Seen, folds_of, images_for
from tasks.pretrain.methods import Method
from tasks.progress import Progress, say

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 2  # images: one view must be told from those of another


@dataclass(frozen=True)
class Order:
    """One network to be fitted.

    Attributes
    ----------
    fold
        The fold whose models it serves; None: those of all training rows, and where there is no fold's own, all.
    seen
        What it may see.
    """

    fold: int | None
    seen: Seen

    @property
    def below(self) -> str:
        """Where, below the folders of the backbone and of its features, what it gives stands."""
        return "" if self.fold is None else f"{FOLDS}/{self.fold}"

    @property
    def where(self) -> str:
        """Names it in messages."""
        return "all training images" if self.fold is None else f"all but fold {self.fold}"


@dataclass(frozen=True)
class Made:
    """One network that was fitted: the state of its stages, and the mean loss an image of each epoch."""

    state: dict[str, Tensor]
    losses: list[float]


def orders_of(method: Method, splits: pd.DataFrame, catalog: pd.DataFrame) -> list[Order]:
    """What is to be fitted, first for all training rows, then for each fold, unless one serves all.

    Raises
    ------
    InputError
        Too few images are left for a fold.
    """
    folds = [None, *(folds_of(splits) if method.per_fold else [])]
    orders = [Order(fold, images_for(splits, catalog, fold)) for fold in folds]
    for order in orders:
        if len(order.seen.rows) < LEAST:
            raise InputError(
                f"pretrain: {order.where} leave {len(order.seen.rows)} images to learn from; add images, or take out "
                "the section's entries"
            )
    return orders


def fit_all(
    method: Method, orders: list[Order], decoded: Decoded, checkpoints: Path | None, workers: int
) -> list[Made]:
    """Fit each network, as many at the same time as there are workers, each on one thread.

    Parameters
    ----------
    method
        Says how.
    orders
        What is to be fitted.
    decoded
        Knows every image that an order names.
    checkpoints
        Where fits write how far they are, to go on from if all this is done again; None: nowhere.
    workers
        Number of processes; changes time only.
    """
    _forecast(method, orders, decoded, min(workers, len(orders)))
    one = partial(_fit, method=method, decoded=decoded, checkpoints=checkpoints)
    return list(each(one, orders, workers, chunk=1))


def write_all(
    orders: Iterable[Order], made: Iterable[Made], method: Method, decoded: Decoded, folder: Path, features: Path
) -> None:
    """Write networks, their losses and a summary into `folder`, and what each makes of every image into `features`."""
    from tasks.features.embedding import about

    orders, made = list(orders), list(made)
    ids = sorted(decoded.rows, key=decoded.rows.__getitem__)
    for order, one in zip(orders, made, strict=True):
        (folder / order.below).mkdir(parents=True, exist_ok=True)
        (features / order.below).mkdir(parents=True, exist_ok=True)
        backbone = write_backbone(method, one.state, folder / order.below)
        values = vectors_of(backbone, decoded.pixels)
        Features(ids, values).save(features / order.below, about(backbone))
    write_json(folder / "summary.json", summary(method, orders))
    _history(orders, made).to_csv(folder / "history.csv", index=False, float_format="%.6f")


def vectors_of(backbone: Pretrained, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The features of decoded images, (n, s, s, 3), as `tasks.features.embedding.embed` makes them: shape (n, d)."""
    from tasks.features.embedding import network_vectors

    size = backbone.batch_size
    starts = range(0, len(pixels), size)
    return np.concatenate([network_vectors(backbone, pixels[start : start + size]) for start in starts])


def summary(method: Method, orders: Iterable[Order]) -> Mapping[str, Any]:
    """What each network has seen, by fold, with an empty name for that of all training rows."""
    return {
        "method": method.name,
        "per_fold": method.per_fold,
        "fits": {
            "" if order.fold is None else str(order.fold): {
                "images": len(order.seen.rows),
                "unlabelled": order.seen.unlabelled,
            }
            for order in orders
        },
    }


def _history(orders: Iterable[Order], made: Iterable[Made]) -> pd.DataFrame:
    """`fold` (empty for all training rows), `epoch` (from 1) and `loss` (mean an image)."""
    rows = [
        (order.fold, epoch, loss)
        for order, one in zip(orders, made, strict=True)
        for epoch, loss in enumerate(one.losses, start=1)
    ]
    return pd.DataFrame(rows, columns=["fold", "epoch", "loss"]).astype({"fold": "Int16"})


def _rows(order: Order, decoded: Decoded) -> NDArray[np.int64]:
    return np.array([decoded.rows[name] for name in order.seen.ids], dtype=np.int64)


def _forecast(method: Method, orders: list[Order], decoded: Decoded, processes: int) -> None:
    """Say how many images are seen, and about how long that takes."""
    from tasks.pretrain.training import seconds_a_step

    numbers = [len(order.seen.rows) for order in orders]
    took = seconds_a_step(method, decoded.pixels, _rows(orders[0], decoded))
    a_step = min(method.batch_size, numbers[0])
    seconds = took * method.epochs * sum(numbers) / a_step / processes
    networks = "one network" if len(orders) == 1 else f"{len(orders)} networks"
    unlabelled = orders[0].seen.unlabelled
    say(
        f"{networks}, the first of {numbers[0]:,} images ({unlabelled:,} unlabelled), for {method.epochs:,} epochs: "
        f"{method.epochs * sum(numbers):,} images in all, which takes about {_duration(seconds)}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _fit(order: Order, method: Method, decoded: Decoded, checkpoints: Path | None) -> Made:
    """Fit one network; tells how far it is."""
    from tasks.pretrain.training import Pretraining
    from tasks.train.finetuning.checkpoints import facts

    folder = checkpoints and checkpoints / ("all" if order.fold is None else str(order.fold))
    fit = Pretraining(method, decoded.pixels, _rows(order, decoded), folder)
    left = (method.epochs - int(facts(folder).get("epoch", 0))) * len(fit.rows)
    for _ in Progress(fit.run(), f"images seen of {order.where}", left, size=int):
        pass
    say(f"fitted to {order.where}: loss {fit.losses[-1]:.4f}")
    return Made(fit.state, fit.losses)
