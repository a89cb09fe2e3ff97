"""The long-tail literature's remedies on a small scale, beside its figures: ``python benchmarks/longtail.py FOLDER``.

    python benchmarks/longtail.py /tmp/longtail                          # long-tailed Fashion-MNIST
    python benchmarks/longtail.py /tmp/flowers --images PHOTOS --size 64   # any folder of class folders

The papers train ResNet-32 for 200 epochs on CIFAR-10-LT and CIFAR-100-LT. Here a small ResNet is trained by the family
`finetune` on a long tail whose classes and images are drawn by the seed, and classifies as many images of every class
that took no part. `METHODS` are strategies as `params.yaml` has them; what they leave out is `PLAIN`. Those that differ
only in what happens after training share a fit.

Printed is the mean over seeds of balanced accuracy with Student's interval (95 %), of the recall of classes with many
(over 100), medium and few (under 20) training images, and the difference to cross-entropy, seed by seed, beside that of
the papers (`PUBLISHED`). Then every difference between two methods that is 3 points and more in the papers, on
CIFAR-10-LT: ``there`` if ours has its sign and an interval without 0, ``reversed`` if it has the other sign and an
interval without 0, else ``not seen``.

Results are kept a line each in FOLDER/results.jsonl, and fits write checkpoints: ended at any time, the same command
goes on. Other settings have other lines; several processes may work on other seeds (`--seeds`) of one folder.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from image_sets import NAMES, SET, class_folders, read, tail, write

from tasks.files import json_digest
from tasks.inputs import Inputs, StoredSource
from tasks.params.models import Strategy
from tasks.train.families import Components, Fit, Log
from tasks.train.rows import Rows

FAMILY = {"name": "finetune", "backbone": "none"}
PLAIN: dict[str, Any] = {
    "recipe": "natural",
    "family": {},
    "loss": {"name": "cross_entropy"},
    "sampler": {"name": "natural"},
    "mixing": {"name": "none"},
    "schedule": {"name": "constant"},
    "posthoc": {"name": "none"},
}
BALANCED = {"name": "weighted_cross_entropy", "weights": "balanced"}
METHODS: dict[str, dict[str, Any]] = {
    "cross-entropy": {},
    "inverse weights": {"loss": BALANCED},
    "inverse weights, deferred": {"loss": BALANCED, "schedule": {"name": "deferred", "start": 0.8}},
    "logit adjustment, post-hoc": {"posthoc": {"name": "logit_adjustment", "tau": 1.0}},
    "balanced softmax": {"loss": {"name": "balanced_softmax"}},
    "LDAM-DRW": {
        "family": {"classifier": "cosine", "scale": 30.0},
        "loss": {"name": "ldam", "scale": 30.0, "weights": "effective_number", "beta": 0.9999},
        "schedule": {"name": "deferred", "start": 0.8},
    },
    "mixup": {"mixing": {"name": "mixup", "alpha": 1.0}},
    "mixup, weights deferred": {
        "loss": BALANCED,
        "mixing": {"name": "mixup", "alpha": 1.0},
        "schedule": {"name": "deferred", "start": 0.8, "mixing": True},
    },
}
BASE = "cross-entropy"
# Gain in accuracy over the plain network of the same paper, points, on CIFAR-10-LT and CIFAR-100-LT of factor 100.
PUBLISHED = {
    BASE: (0.0, 0.0),
    "inverse weights": (-3.0, -5.8),
    "inverse weights, deferred": (3.5, 3.5),
    "logit adjustment, post-hoc": (5.9, 4.2),
    "balanced softmax": (6.2, 4.9),
    "LDAM-DRW": (6.7, 4.6),
    "mixup, weights deferred": (10.8, 8.8),
}
CLEAR = 3.0  # points: smaller differences of the papers are not looked for
MANY, FEW = 100, 20


@dataclass(frozen=True)
class LongTail:
    """Image files by class, the class with the most training images first."""

    classes: list[str]
    train: list[list[Path]]
    others: list[list[Path]]

    @property
    def counts(self) -> list[int]:
        """Training images of each class."""
        return [len(files) for files in self.train]


def fashion(asked: argparse.Namespace, seed: int) -> LongTail:
    """A long tail of Fashion-MNIST; which class is how large, and which images it has, is drawn by the seed."""
    stream = np.random.default_rng(seed)
    (images, labels), (others, answers) = read("train"), read("t10k")
    codes = stream.permutation(len(NAMES))
    chosen = [
        stream.permutation(np.flatnonzero(labels == code))[:size]
        for code, size in zip(codes, tail(asked.largest, asked.factor, len(NAMES)), strict=True)
    ]
    shown = [np.flatnonzero(answers == code)[: asked.others] for code in codes]
    return LongTail(
        [NAMES[code] for code in codes],
        [write(images, labels, own, asked.folder / "train") for own in chosen],
        [write(others, answers, own, asked.folder / "others") for own in shown],
    )


def of_folder(asked: argparse.Namespace, seed: int) -> LongTail:
    """A long tail of class folders; classes that have less than their place asks for keep what they have."""
    stream = np.random.default_rng(seed)
    drawn = class_folders(asked.images, stream)
    few = [name for name, files in drawn.items() if len(files) <= asked.others]
    if few or len(drawn) < 2:
        sys.exit(f"{asked.images}: needs class folders of more than {asked.others} images each; see {few or [*drawn]}")
    left = {name: files[asked.others :] for name, files in drawn.items()}
    names = [[*left][at] for at in stream.permutation(len(left))]
    names.sort(key=lambda name: -min(len(left[name]), asked.largest))  # equal ones stay as they were drawn
    sizes = tail(asked.largest, asked.factor, len(names))
    own = {name: left[name][:size] for name, size in zip(names, sizes, strict=True)}
    names.sort(key=lambda name: -len(own[name]))
    return LongTail(names, [own[name] for name in names], [drawn[name][: asked.others] for name in names])


def strategies(asked: argparse.Namespace) -> dict[str, Strategy]:
    """The methods that are asked for."""
    common = FAMILY | {
        "network": {"name": "resnet", "depth": asked.depth},
        "image_size": asked.size,
        "epochs": asked.epochs,
        "batch_size": asked.batch_size,
        "learning_rate": asked.learning_rate,
        "weight_decay": asked.weight_decay,
        "precision": asked.precision,
    }
    found = {}
    for name in asked.methods:
        family = common | METHODS[name].get("family", {})
        found[name] = Strategy.model_validate(PLAIN | METHODS[name] | {"family": family})
    return found


def trained(strategy: Strategy, data: LongTail, source: StoredSource, seed: int, folder: Path) -> Any:
    """The strategy's fitted model."""
    ids = [str(file) for files in data.train for file in files]
    labels = np.repeat(np.arange(len(data.classes)), data.counts)
    rows = Rows(ids, data.classes, labels, labels, np.ones(len(ids), np.float32))
    components = Components(strategy.loss, strategy.sampler, strategy.mixing, strategy.schedule)
    fit = Fit(rows, Inputs(ids, source), components, seed, None, Log(), folder)
    [made] = strategy.family.fit_all([fit])
    return made


def results(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line for every method and seed, of those that were made before and those that are made now."""
    file, chosen = asked.folder / "results.jsonl", strategies(asked)
    set_of = {"images": str(asked.images), "largest": asked.largest, "factor": asked.factor, "others": asked.others}
    keys = {name: json_digest(set_of | {"strategy": one.model_dump(mode="json")}) for name, one in chosen.items()}
    known = {(line["key"], line["seed"]): line for line in kept(file)}
    for seed in asked.seeds:
        wanted = [name for name in chosen if (keys[name], seed) not in known]
        yield from (known[keys[name], seed] for name in chosen if name not in wanted)
        if not wanted:
            continue
        data = of_folder(asked, seed) if asked.images else fashion(asked, seed)
        files = {str(file): file for part in (data.train, data.others) for own in part for file in own}
        source = StoredSource({}, files, asked.folder / "decoded")
        shown = Inputs([str(file) for own in data.others for file in own], source)
        fits: dict[str, list[str]] = {}
        for name in wanted:
            fits.setdefault(chosen[name].model_dump_json(exclude={"posthoc"}), []).append(name)
        for names in fits.values():
            start, folder = time.process_time(), asked.folder / f"checkpoint-{keys[names[0]]}-{seed}"
            made = trained(chosen[names[0]], data, source, seed, folder)
            seconds, scores = time.process_time() - start, made.predict(shown)
            for name in names:
                decided = np.split(chosen[name].posthoc.adjust(scores).decisions, len(data.classes))
                recalls = [float((own == code).mean()) for code, own in enumerate(decided)]
                line = {"method": name, "seed": seed, "seconds": round(seconds, 1), "classes": data.classes}
                line |= {"key": keys[name], "counts": data.counts, "recalls": recalls}
                with file.open("a", encoding="utf-8") as results_file:
                    results_file.write(json.dumps(line) + "\n")
                print(f"seed {seed}, {name}: {100 * np.mean(recalls):.1f} ({seconds:.0f} s)", flush=True)
                yield line
            shutil.rmtree(folder)


def kept(file: Path) -> Iterator[dict[str, Any]]:
    """The lines that were written whole."""
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            print(f"{file}: passed over a line that was cut off")


def interval(values: NDArray[np.float64]) -> str:
    """The mean with Student's interval over seeds."""
    if len(values) < 2:
        return f"{values.mean():.1f}"
    low, high = _bounds(values)
    return f"{values.mean():.1f} [{low:.1f}, {high:.1f}]"


def _bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.inf
    return values.mean() - half, values.mean() + half


def verdict(differences: NDArray[np.float64]) -> str:
    """Whether differences, a seed each, that are above 0 in the papers are so here."""
    low, high = _bounds(differences)
    return "there" if low > 0 else "reversed" if high < 0 else "not seen"


def show(lines: Sequence[dict[str, Any]], methods: Sequence[str]) -> None:
    """Print the table of the seeds that are done with every method."""
    by_seed: dict[int, dict[str, dict[str, Any]]] = {}
    for line in lines:
        by_seed.setdefault(line["seed"], {})[line["method"]] = line
    done = [by_method for by_method in by_seed.values() if {*methods} <= {*by_method}]
    if not done:
        return
    counts = np.array([one[methods[0]]["counts"] for one in done])
    print(f"\n{len(done)} seeds; training images a class: {', '.join(map(str, counts[0]))}; recalls in percent")
    print(f"{'':<28}{'balanced accuracy':<20}{'many':>6}{'medium':>8}{'few':>6}{'CPU s':>7}   ", end="")
    print(f"{'to cross-entropy':<20}  papers: 10-LT 100-LT")
    groups = {"many": counts > MANY, "medium": (counts >= FEW) & (counts <= MANY), "few": counts < FEW}
    recalls = {name: 100 * np.array([one[name]["recalls"] for one in done]) for name in methods}
    for name, own in recalls.items():
        parts = [f"{own[of].mean():.0f}" if of.any() else "" for of in groups.values()]
        seconds = np.mean([one[name]["seconds"] for one in done])
        row = f"{name:<28}{interval(own.mean(1)):<20}{parts[0]:>6}{parts[1]:>8}{parts[2]:>6}{seconds:>7.0f}   "
        if name != BASE and BASE in recalls:
            row += f"{interval((own - recalls[BASE]).mean(1)):<20}  "
            row += "{:+13.1f} {:+6.1f}".format(*PUBLISHED[name]) if name in PUBLISHED else ""
        print(row.rstrip())
    order = sorted((name for name in methods if name in PUBLISHED), key=lambda name: PUBLISHED[name])
    pairs = [
        (PUBLISHED[better][0] - PUBLISHED[worse][0], (recalls[better] - recalls[worse]).mean(1), better, worse)
        for worse, better in itertools.combinations(order, 2)
        if PUBLISHED[better][0] - PUBLISHED[worse][0] >= CLEAR
    ]
    for theirs, ours, better, worse in sorted(pairs, key=lambda pair: pair[0], reverse=True):
        print(f"{better} over {worse}: papers {theirs:+.1f}, here {interval(ours)}: {verdict(ours)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for images, results and what is on the way; may hold earlier ones")
    parser.add_argument("--images", type=Path, help=f"class folders; without it, Fashion-MNIST of {SET}")
    parser.add_argument("--largest", type=int, default=1000, help="training images of the largest class")
    parser.add_argument("--factor", type=float, default=100, help="times the rarest")
    parser.add_argument("--others", type=int, default=500, help="images a class that are classified")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--methods", nargs="+", choices=[*METHODS], default=[*METHODS], metavar="METHOD")
    parser.add_argument("--depth", type=int, default=8, choices=[8, 20, 32])
    parser.add_argument("--size", type=int, default=28, help="pixels a side")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--weight-decay", type=float, default=0.0005)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    show(list(results(asked)), asked.methods)


if __name__ == "__main__":
    main()
