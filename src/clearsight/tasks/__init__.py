"""What a truth and a prediction are, and how predictions become statistics: one task per file."""

from .detection import Detection as Detection
