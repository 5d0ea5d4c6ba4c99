"""Labels that a person corrected: the decisions, kept line by line, and data sets written anew with them."""
