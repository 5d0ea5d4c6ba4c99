"""Simulations of what a decision does over time: the process as arrays, what it shows as findings.

Adding one is one new file and one new line here. A simulation shows what follows from its rules, never what happened.
"""

from .feedback import feedback as feedback
