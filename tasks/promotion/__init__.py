"""A new model against the one that is used now: what is kept of how each was judged, and both on the same images."""
