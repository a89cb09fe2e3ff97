"""Diffusion from scratch: the networks, their training and how images are made by them.

Flow matching (Lipman et al. 2023; Liu et al. 2023): an image with the share s of noise is ``(1 - s) x + s noise``, and
the network learns the direction ``noise - x``. Shares are drawn as Esser et al. (2024) have it, so that the middle,
where there is most to learn, is seen most: what the weights of min-SNR (Hang et al. 2023) do for the older schedules.
"""
