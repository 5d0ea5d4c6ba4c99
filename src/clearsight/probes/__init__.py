"""Probes of language systems: questions with a known answer, asked of any callable, command or endpoint, and judged.

Adding a probe is one new file and one new line here. ``probe`` is what a probe is made of; ``connections`` how a system
is asked; ``references`` small systems, good and bad, that every probe must tell apart.
"""

from .consistency import consistency as consistency
from .drift import drift as drift
from .translator import translator as translator
