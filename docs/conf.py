"""The documentation site: ``sphinx-build -W docs site``. What can be read from the package is read from the package."""

import inspect
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

import clearsight  # noqa: E402

project = "clearsight"
author = "The clearsight authors"
copyright = "2026, The clearsight authors"
version = release = clearsight.__version__

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "generated",
]
exclude_patterns = ["extensions"]
highlight_language = "text"  # indented blocks are commands and file names

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "clearsight"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
html_theme_options = {
    "light_css_variables": {
        "color-background-primary": "#fdfcf9",
        "color-background-secondary": "#f5f2ea",
        "color-background-hover": "#ece8df",
        "color-background-border": "#dedad1",
        "color-foreground-primary": "#1d1c1a",
        "color-foreground-secondary": "#55524c",
        "color-foreground-muted": "#706c64",
        "color-brand-primary": "#0f5f9e",
        "color-brand-content": "#0f5f9e",
        "color-brand-visited": "#0f5f9e",
        "color-api-background": "#f5f2ea",
        "color-api-name": "#0f5f9e",
        "color-api-pre-name": "#706c64",
    },
    "dark_css_variables": {
        "color-background-primary": "#16181b",
        "color-background-secondary": "#1e2124",
        "color-background-hover": "#27292c",
        "color-background-border": "#3a3c3f",
        "color-foreground-primary": "#ebe8e2",
        "color-foreground-secondary": "#b5b1a9",
        "color-brand-primary": "#74b6f0",
        "color-brand-content": "#74b6f0",
        "color-brand-visited": "#74b6f0",
        "color-api-background": "#1e2124",
        "color-api-name": "#74b6f0",
        "color-api-pre-name": "#8f8b83",
    },
}


def setup(app):
    """What the reference of Python shows otherwise than autodoc would."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _protocol)
    app.connect("autodoc-skip-member", _skip)


def _signature(app, what, name, value, options, signature, returns):
    """A default that a factory makes becomes an ellipsis; a Protocol is not called, so it has no signature."""
    if getattr(value, "_is_protocol", False):
        return "", None
    return None if signature is None else (signature.replace("<factory>", "..."), returns)


def _protocol(app, what, name, value, options, lines):
    """The attributes that a Protocol asks for, which have no docstrings of their own."""
    if what == "class" and getattr(value, "_is_protocol", False):
        kinds = inspect.get_annotations(value)
        shown = [f"- ``{field}: {inspect.formatannotation(kind)}``" for field, kind in kinds.items()]
        lines += ["", "Attributes:", "", *shown, ""] if shown else []


def _skip(app, what, name, value, skip, options):
    return skip or name.startswith("_") or (inspect.isfunction(value) and value.__module__ == "typing")
