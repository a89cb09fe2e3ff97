"""`equipoise export`: a version of a balanced dataset as files that other tools read, outside the workspace.

Each format is one module with a function ``write(rows, part, folder, images)`` that writes one part; what they share,
which rows there are and how a file gets there, stands in `rows` and `images`; `export` plans and writes the whole.
"""
