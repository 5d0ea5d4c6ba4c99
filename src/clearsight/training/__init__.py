"""The training of a network: the loop, the optimizers, the precision, and the processes that run them."""
