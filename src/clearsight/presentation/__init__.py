"""The presentation of a run: a card as slides, drawn alike as an HTML page and as PowerPoint. Computes nothing."""

from .deck import deck as deck
from .page import html as html
from .placing import placed as placed
from .slides import Slide as Slide
