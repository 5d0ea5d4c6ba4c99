"""What is done with a trained generator: samples of it, features of pictures, its evidence, and its card."""
