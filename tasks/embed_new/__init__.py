"""embed_new: one feature vector a new image of a recipe and backbone; originals and exact copies have theirs from
embed.

Every backbone embeds the new images of every recipe, unless it names the recipes that it is for.
"""
