"""What is in some data, and what is worth a look before anyone trains on it."""
