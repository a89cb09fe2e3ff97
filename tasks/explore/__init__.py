"""explore: the report on the data, so that people know what they have before they try remedies.

Each question is one small file in `tasks.explore.checks`. Every image is decoded once for all of them. Descriptions by
class and the sentences on what to watch come from training images only; the test part is counted, and compared with
the training part as a whole.
"""
