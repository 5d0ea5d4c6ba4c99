"""Training, evaluation and prediction with models of tables."""
