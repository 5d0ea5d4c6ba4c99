"""``python -m clearsight.cli`` is the command ``clearsight``."""

from clearsight.cli import main

main()
