"""A network as a model file of another library."""
