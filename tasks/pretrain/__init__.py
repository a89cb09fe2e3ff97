"""pretrain: a backbone that learns without labels from the training images, labelled or not.

A network that has seen an image is not blind to it, labels or no labels. So one is fitted *for each fold*, to the
training rows outside of the fold, and one to all training rows, for the models that the test part judges. What the
folds' models see of an image therefore depends on the fold: its features have a fold axis.
"""
