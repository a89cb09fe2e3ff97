"""Stage `train`: fit one strategy on every fold and on all training rows, and predict what it did not see.

A family on features finds what a backbone made once, in `embed`, so that a dozen strategies with several folds and
seeds cost seconds; a family on images decodes them itself. Training rows are predicted by the models of their own fold,
test rows by the models fitted on all training rows.
"""
