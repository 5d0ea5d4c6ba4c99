"""Mitigations tried on a trained classifier, chosen on held-out pictures, and judged on others: what ``mitigate`` is."""
