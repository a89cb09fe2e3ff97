"""The dataset in `data/raw`: the sample photos, or your own images, copied in and versioned by DVC."""

from flows.dataset.adding import SAMPLE_THERE, add, column_names, holds_sample
from flows.dataset.bringing import Way
from flows.dataset.freezing import discard, freeze
from flows.dataset.place import Report
from flows.dataset.samples import sample
from tasks.ingest.columns import Columns

__all__ = [
    "SAMPLE_THERE",
    "Columns",
    "Report",
    "Way",
    "add",
    "column_names",
    "discard",
    "freeze",
    "holds_sample",
    "sample",
]
