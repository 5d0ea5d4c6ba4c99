"""What a model may decide alone, and what it promises: settled on evidence, applied to predictions."""
