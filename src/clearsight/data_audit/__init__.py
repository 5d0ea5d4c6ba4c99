"""Whom a model may fail, read from the data before anyone trains: balance, representation, association, leaks."""
