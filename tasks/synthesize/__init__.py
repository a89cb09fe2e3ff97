"""synthesize: new images of rare classes from a generative model that is fitted to training images.

A generator that has seen all training rows has seen every fold, and its images could train no model that is judged out
of fold. So one model is fitted *a fold*, to the training rows of that fold alone. Its images then lie in that fold as
its rows do: they train the models of all other folds, and never the one whose judges the generator has seen.
"""

SHEETS = "sheets"  # below a generator's folder: pictures of its images beside real ones, of each class by its slug
