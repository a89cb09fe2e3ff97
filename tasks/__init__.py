"""What each stage does: one module or package a stage, beside the few nouns that they share.

Nothing here imports Prefect, DVC or MLflow: a stage writes what it found as files, and ``flows`` shows them.
"""
