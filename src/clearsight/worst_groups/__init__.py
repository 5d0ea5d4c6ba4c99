"""Mitigations tried on a classifier, chosen on held-out pictures and judged on others: what ``mitigate`` is of."""
