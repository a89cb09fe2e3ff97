"""The dataset in `data/raw`: the sample photos, or your own images, copied in and versioned by DVC."""

from flows.dataset.adding import add
from flows.dataset.freezing import discard, freeze
from flows.dataset.place import Report
from flows.dataset.samples import sample

__all__ = ["Report", "add", "discard", "freeze", "sample"]
