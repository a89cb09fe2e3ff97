"""What the detectors of the family `anomaly` are made of (`tasks.train.detectors`)."""
