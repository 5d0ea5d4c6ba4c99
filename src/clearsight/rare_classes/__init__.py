"""Whether generated pictures of a rare class help a classifier: an experiment beside what else could be done."""
