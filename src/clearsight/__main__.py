"""``python -m clearsight`` is the command ``clearsight``."""

from clearsight.cli import main

main()
