"""Generators that begin with an image: pipelines of `diffusers` from a checkpoint of the user's, an idea a file."""
