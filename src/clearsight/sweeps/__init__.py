"""Sweeps: the same model trained with other hyper-parameters and other seeds, and what its score depends on."""
