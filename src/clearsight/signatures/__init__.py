"""Signatures: keys, signed statements, and what is compared with them."""
