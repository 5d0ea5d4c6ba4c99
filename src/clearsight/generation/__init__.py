"""What is done with a trained generator: samples of it, pictures of them, its evidence, and its card."""
