"""The verbs of the face: each a function, keyword for keyword what the command offers."""
