"""Tables: files read into columns, with a target and groups, checked before anyone trains on them."""
