"""audit: do the traces of a recipe's transforms, not what images show, move a strategy's predictions?

Where only rare classes are augmented, "was augmented" can become "is rare" for a model. Training images of the largest
class are changed as the recipe changes training images, and each is shown, untouched and changed, to the strategy's
model of its own fold, which has seen neither it nor a relative (`tasks.audit.effect`): the content is the same, so what
moves is read from the traces. That decides on the verdict. A probe then says, for information, what the traces are
(`tasks.audit.probe`).
"""
