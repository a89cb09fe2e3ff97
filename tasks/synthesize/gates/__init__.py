"""The gates: what every synthetic image goes through before it may train, and what is told of its generator.

`selection` drops what looks like another class, is nearly a training image, or is there already; `memorisation`,
`fidelity` and `tell_tale` measure. Nothing here reads a file: `judge` takes arrays.
"""
