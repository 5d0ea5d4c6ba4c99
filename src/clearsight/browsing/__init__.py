"""An evaluation as a gallery: which pictures, in which order, what was said of each, and labels that are doubted."""
