"""Strategies that answer together: the mean of what their models say, judged like a strategy.

An ensemble fits nothing but, where asked for, its members' weights. What is judged is what is used: for each image the
mean over the members of what each says with all its seeds, out of fold by models that have not seen the image.
"""
