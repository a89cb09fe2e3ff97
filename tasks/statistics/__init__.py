"""Statistics: where every figure of the project comes from, a module an idea, arrays in and numbers out.

Two things hold in all of them. Images are not independent: relatives form groups, and groups are what is counted,
drawn, shuffled and dealt to folds. And classes are uneven: small ones must not get an interval that promises too much.
"""
