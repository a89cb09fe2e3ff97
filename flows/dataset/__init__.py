"""The dataset in `data/raw`: the sample photos, or your own images, copied in and versioned by DVC."""

from flows.dataset.adding import add, column_names
from flows.dataset.freezing import discard, freeze
from flows.dataset.place import Report
from flows.dataset.samples import sample
from tasks.ingest.table import Columns

__all__ = ["Columns", "Report", "add", "column_names", "discard", "freeze", "sample"]
