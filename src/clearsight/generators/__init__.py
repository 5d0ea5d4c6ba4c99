"""Networks that make pictures from noise: one per file; an import is the registration."""
