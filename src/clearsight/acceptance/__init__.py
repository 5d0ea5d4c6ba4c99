"""Acceptance criteria: what a run must reach before it is released, and whether it does."""

from clearsight.acceptance.policy import Policy as Policy
from clearsight.acceptance.policy import Threshold as Threshold
