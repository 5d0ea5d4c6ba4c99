"""The report: a card as one HTML page, a Markdown model card and a text for the terminal. Computes nothing."""

from .files import write as write
from .model_card import markdown as markdown
from .page import html as html
from .text import summary as summary
