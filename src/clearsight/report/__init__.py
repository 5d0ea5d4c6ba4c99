"""The report: a card as one HTML page, a Markdown model card and a text for the terminal. Computes nothing."""

from .files import check_new as check_new
from .files import write as write
from .files import write_page as write_page
from .model_card import markdown as markdown
from .page import html as html
from .plot_files import plot_files as plot_files
from .text import summary as summary
from .wording import ASKED as ASKED
