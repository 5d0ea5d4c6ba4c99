"""A trained network at work: pictures of any size in, predictions out, whole or by windows and tiles."""
