"""Batches of samples for training: their order, random views of pictures, and small pictures all at once."""
