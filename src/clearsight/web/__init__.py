"""A web server for people and programs on this machine: who may ask, how much, pages, errors, and running it."""
