"""From a trained run to evidence, findings, example pictures, card and report."""
