"""Bounds of the Bayes error: how often the best of all classifiers of these vectors must err.

Were there no end of rows, a row and its nearest neighbour would be two draws from the same place, so that they differ
in class as often as two draws of the classes that mix there. Of that share R among K classes follows

    (K - 1) / K * (1 - sqrt(1 - K / (K - 1) * R))  <=  Bayes error  <=  R

(Cover and Hart, Nearest neighbor pattern classification, IEEE Transactions on Information Theory 13, 1967). The edges
of the minimum spanning tree of the rows join rows of two classes as often (Friedman and Rafsky 1979; Sekeh, Oselio and
Hero, Learning to bound the multi-class Bayes error, IEEE Transactions on Signal Processing 68, 2020, whose bound of the
generalised Henze-Penrose integrals is this one). Both are for classes that all count alike, as in balanced accuracy,
however many rows each has; and a row's relatives are no neighbours of it.

With rows as few as there are, neighbours are not as near as that, in many dimensions above all: R comes out too large,
so that a good classifier may err less often than the lower bound says. Where one does, these are no bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.statistics.interval import CONFIDENCE, Interval

MOST_ROWS = 4_000  # that neighbours are sought among
TIMES = 10  # how many times the rows of the smallest class are taken of any; more would be thinned away
BLOCKS = 20  # of groups, left out in turn
TREES = 8  # draws of as many rows of each class
LEFT = 1e-3  # the chance that none of the neighbours that are looked at is kept


@dataclass(frozen=True)
class BayesError:
    """How often the nearest row is of another class, and what follows.

    Attributes
    ----------
    classes
        Their number K.
    neighbours, tree
        The share R by nearest neighbours, and by the minimum spanning tree; classes count alike.
    mixed
        Shape (K, K): of which classes the nearest neighbours of the row's class are.
    """

    classes: int
    neighbours: Interval
    tree: Interval
    mixed: np.ndarray

    @property
    def share(self) -> Interval:
        """The smaller R of the two: too few rows make either too large."""
        return min(self.neighbours, self.tree, key=lambda found: found.value)

    @property
    def lower(self) -> Interval:
        """The lower bound of the Bayes error, with the interval of R."""
        return Interval(
            *(lower_bound(end, self.classes) for end in (self.share.value, self.share.low, self.share.high))
        )

    @property
    def upper(self) -> Interval:
        """The upper bound: R itself."""
        return self.share


def lower_bound(share: float, classes: int) -> float:
    """The least Bayes error of K classes whose nearest neighbours differ in class in this share of cases."""
    most = (classes - 1) / classes
    return float(most * (1 - np.sqrt(max(0.0, 1 - share / most))))


def bayes_error(
    vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int = 0, confidence: float = CONFIDENCE
) -> BayesError:
    """Bound the Bayes error of classes that count alike.

    Parameters
    ----------
    vectors
        Shape (n, d).
    labels, groups
        Shape (n,), integers from 0: class, and group of relatives, which are no neighbours of each other. Each class
        has rows in two groups or more.
    seed
        Of the draws for the trees, and of the blocks that the interval leaves out.
    confidence
        Level of the intervals: a jackknife over blocks of whole groups, each of which is left out of the rows and of
        their neighbours. (A bootstrap would draw rows twice, and find a row's copy as its neighbour.)
    """
    classes = int(labels.max()) + 1
    squares = _squared_distances(vectors, groups)
    blocks = _blocks(labels, groups, seed)
    mixed, left_out = _neighbour_classes(squares, labels, blocks, classes)
    trees, trees_left_out = _tree(squares, labels, blocks, seed)
    return BayesError(
        classes,
        _interval(1 - float(np.diag(mixed).mean()), [1 - np.diag(one).mean() for one in left_out], classes, confidence),
        _interval(trees, trees_left_out, classes, confidence),
        mixed,
    )


def counted_rows(labels: np.ndarray, most: int = MOST_ROWS) -> np.ndarray:
    """Which rows are looked at, sorted: the first of each class, at most `most` in all.

    Of no class more than `TIMES` as many as the smallest has: in what counts classes alike they would say little more.
    """
    counts = np.bincount(labels)
    each = counts[counts > 0].min() * TIMES
    while np.minimum(counts, each).sum() > most and each > 2:
        each = max(2, int(each * 0.95))
    place = np.empty(len(labels), dtype=np.int64)
    for label in range(len(counts)):
        own = np.flatnonzero(labels == label)
        place[own] = np.arange(len(own))
    return np.flatnonzero(place < each)


def _squared_distances(vectors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Shape (n, n), float32; endless between relatives."""
    centred = np.asarray(vectors - vectors.mean(axis=0), dtype=np.float32)
    squares = np.einsum("nd,nd->n", centred, centred)
    found = centred @ centred.T
    found *= -2
    found += squares
    found += squares[:, None]
    found[groups[:, None] == groups] = np.inf
    return found


def _blocks(labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """The block of each row, shape (n,): whole groups, those of the rarest classes dealt out first."""
    rank = np.argsort(np.argsort(np.bincount(labels), kind="stable"))
    stratum = np.full(groups.max() + 1, len(rank))
    np.minimum.at(stratum, groups, rank[labels])
    chance = np.random.default_rng([seed, 1]).permutation(len(stratum))
    order = np.lexsort((chance, stratum))
    block: np.ndarray = np.empty(len(order), dtype=np.int64)
    block[order] = np.arange(len(order)) % min(BLOCKS, len(np.unique(groups)))
    of_row: np.ndarray = block[groups]
    return of_row


def _neighbour_classes(
    squares: np.ndarray, labels: np.ndarray, blocks: np.ndarray, classes: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Of which classes the nearest neighbours of each class are, shape (K, K); and the same without each block.

    A neighbour is sought among as many rows of each class as the smallest has. Which rows these are is left to chance,
    and averaged over all chances: a row is the neighbour if it is kept and no nearer one is.
    """
    counts = np.bincount(labels)
    least = counts.min() / counts.max()
    known = min(len(labels) - 1, int(np.ceil(np.log(LEFT) / np.log1p(-least))) if least < 1 else 1)
    known = min(len(labels) - 1, known + max(8, known // 4))  # some for those that are left out
    nearest = np.argpartition(squares, known - 1, axis=1)[:, :known]
    distances = np.take_along_axis(squares, nearest, axis=1)
    order = np.lexsort((nearest, distances), axis=1)
    nearest, distances = (np.take_along_axis(values, order, axis=1) for values in (nearest, distances))
    strangers = np.isfinite(distances)

    def shares(rows: np.ndarray) -> np.ndarray:
        """Of the rows that count, among themselves."""
        present = np.bincount(labels[rows], minlength=classes)
        kept = np.where(present > 0, present[present > 0].min() / np.maximum(present, 1), 0.0)
        chance = kept[labels[nearest[rows]]] * (strangers[rows] & rows[nearest[rows]])
        passed = np.cumprod(1 - chance, axis=1)
        chance[:, 1:] *= passed[:, :-1]
        total = chance.sum(axis=1, keepdims=True)
        chance /= np.where(total > 0, total, 1)
        cells = labels[rows][:, None] * classes + labels[nearest[rows]]
        sums = np.bincount(cells.ravel(), chance.ravel(), minlength=classes**2).reshape(classes, classes)
        reached = np.bincount(labels[rows], (total > 0)[:, 0], minlength=classes)
        return np.asarray(sums / np.maximum(reached, 1)[:, None])

    everyone = np.ones(len(labels), dtype=bool)
    return shares(everyone), [shares(blocks != block) for block in range(blocks.max() + 1)]


def _tree(squares: np.ndarray, labels: np.ndarray, blocks: np.ndarray, seed: int) -> tuple[float, list[float]]:
    """The share of the edges of a minimum spanning tree that join two classes; and the same without each block.

    Over trees of as many rows of each class as the smallest has, drawn by chance. A block is left out by its edges. One
    edge less than there are classes joins two of them however far apart these are, and isn't counted.
    """
    stream = np.random.default_rng([seed, 2])
    each = np.bincount(labels).min()
    joined = np.zeros((2, blocks.max() + 2))  # edges, and those that join two classes: without each block, and all
    for _ in range(TREES):
        drawn = [stream.permutation(np.flatnonzero(labels == label))[:each] for label in range(labels.max() + 1)]
        rows = np.sort(np.concatenate(drawn))
        start, end = spanning_tree(squares[np.ix_(rows, rows)])
        start, end = rows[start], rows[end]
        differ = labels[start] != labels[end]
        for counts, of in zip(joined, (np.ones(len(start)), differ), strict=True):
            touching = np.bincount(blocks[start], of, minlength=len(counts) - 1)
            touching += np.bincount(blocks[end], of * (blocks[start] != blocks[end]), minlength=len(counts) - 1)
            counts += of.sum() - np.append(touching, 0)
    shares = np.maximum(joined[1] - TREES * labels.max(), 0) / (joined[0] + TREES)
    return float(shares[-1]), [float(share) for share in shares[:-1]]


def spanning_tree(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges of a minimum spanning tree, as two arrays of rows (Prim's algorithm).

    Parameters
    ----------
    distances
        Shape (n, n), symmetric; endless where two rows may not be joined. Rows that can't be reached are left out.
    """
    size = len(distances)
    nearest, parent = distances[0].copy(), np.zeros(size, dtype=np.int64)
    outside = np.ones(size, dtype=bool)
    outside[0] = False
    nearest[0] = np.inf
    starts, ends = [], []
    for _ in range(size - 1):
        row = int(nearest.argmin())
        if not np.isfinite(nearest[row]):
            break
        starts.append(parent[row])
        ends.append(row)
        outside[row] = False
        closer = outside & (distances[row] < nearest)
        nearest[closer] = distances[row][closer]
        parent[closer] = row
        nearest[row] = np.inf
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)


def _interval(value: float, left_out: list[float], classes: int, confidence: float) -> Interval:
    """A delete-a-block jackknife with Student's quantile."""
    from scipy.stats import t

    without = np.array(left_out)
    blocks = len(without)
    if blocks < 2:
        return Interval(value, 0.0, 1.0)
    error = float(np.sqrt((blocks - 1) / blocks * ((without - without.mean()) ** 2).sum()))
    half = float(t.ppf((1 + confidence) / 2, blocks - 1)) * error
    return Interval(value, max(0.0, value - half), min(1.0, value + half))
