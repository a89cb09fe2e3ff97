"""Metrics with intervals for every strategy, from out-of-fold predictions only.

Overall and a class at a time, with calibration, confusion matrices and curves. The held-out test part is not looked at
here: the stage `compare` scores it, for the baseline and the recommended strategy only.
"""
