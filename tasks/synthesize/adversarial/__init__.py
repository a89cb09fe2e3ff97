"""A network that makes images against one that judges them: networks, training and how images are made.

A generator makes images from noise and a class, a discriminator tells them from examples, and each learns from the
other (Goodfellow et al. 2014). With few examples the discriminator soon knows them by heart and has nothing to teach
any more. What is done against it here: both only ever see images after random changes that gradients pass through
(Zhao et al. 2020), the discriminator's slope at examples is held down (Mescheder et al. 2018), the loss is the one
that doesn't saturate, and images come from the moving average of the generator (Karras et al. 2018).
"""
