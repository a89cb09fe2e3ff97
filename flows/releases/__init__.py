"""Releases: named versions of balanced datasets that one can list, compare, export and go back to.

A release is a git commit that holds the files which name a version of the data (`dvc.lock` and what belongs to it), a
card about it in ``data/releases``, and an annotated tag ``release/<name>``. The data themselves stay in DVC's cache and
remotes; `equipoise gc` spares what a release needs.
"""
