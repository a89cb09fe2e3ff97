"""What can be done with a similarity, beside classifying: comparing two images, and adding a class from a few.

The similarity itself is a model's (`tasks.train.families.Fitted.directions`).
"""
