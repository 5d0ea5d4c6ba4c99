"""From generated pictures to evidence: features, nearest training pictures, calibrators."""
