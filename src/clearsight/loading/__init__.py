"""What every verb begins with: data read and decoded, and networks built from a choice or from a run."""
