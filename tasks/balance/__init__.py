"""balance: a recipe's training set: which originals, how often, which new images, and what each row descends from.

First a plan, without a pixel touched (`tasks.balance.plan`), then the new images (`tasks.balance.make`), then the proof
that no row descends from an evaluation image. Only new images are files; originals and their copies are referred to.
"""
