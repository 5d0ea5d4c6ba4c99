"""Metrics as pure functions of statistics and weights, and the resampling that makes intervals."""
