"""embed: one feature vector an image of the catalog, from one backbone.

The backbone runs once; every strategy that names it then fits its classifier on these vectors in seconds.
"""
