"""Which pictures are not independent, where nobody said so: frames of a video, bursts, copies of one file."""
