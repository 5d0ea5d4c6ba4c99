"""Training batches: the order of samples, data augmentation, and whole batches of small pictures at once."""
