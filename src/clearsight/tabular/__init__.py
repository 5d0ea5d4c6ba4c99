"""Training, judging and predicting with models of tables."""
