"""MLflow: every pipeline run and every strategy as runs that can be compared, made from the files that stages wrote.

Stages never talk to a tracking server, so none can break a training, and a stage that DVC restored is recorded like one
that ran. If the server is away, `record` raises `TrackingAway` and nothing else happens; the same call works later.
Importing this package is cheap: MLflow itself takes seconds to import and is imported when something is recorded.
"""

from flows.tracking.recording import FlowRun, Recorded, record
from flows.tracking.store import TrackingAway, store

__all__ = ["FlowRun", "Recorded", "TrackingAway", "record", "store"]
