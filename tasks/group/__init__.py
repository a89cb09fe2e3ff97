"""group: who is related to whom: images that must stay on one side of a split, because one would give the other away.

`relations` ties images by what is known of them (given groups, the same pixels, file names), `near` finds those that
show the same thing: `candidates` by hashes, features and `glances`, confirmed by the `likeness` of their registered
pictures, which must exceed what each image has with its own unrelated look-alikes. `linkage` makes groups of all pairs.
"""
