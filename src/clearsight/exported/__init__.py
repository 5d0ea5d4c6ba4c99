"""Exported models, run without torch: on pictures in, boxes in numpy out."""
