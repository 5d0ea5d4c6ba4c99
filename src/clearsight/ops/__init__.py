"""Stateless tensor maths, one noun per file."""
