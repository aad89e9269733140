"""A page as a whole document: what can be read first, and then what makes it live."""

from functools import cache

import panel as pn
from jinja2 import Template
from markupsafe import Markup

from reliefscope.views.first import first_screen, first_style
from reliefscope.views.page import Page

_TEMPLATE = """
{% from macros import embed %}
<!DOCTYPE html>
<html lang="{{ language }}" dir="{{ direction }}" data-theme="{{ theme }}">
<head>
<meta charset="utf-8">
<title>{{ title | e }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="./favicon.ico">
<style>
html, body { display: flow-root; height: 100%; margin: 0; padding: 0; background: #f3f5f7; }
html[data-theme="dark"], html[data-theme="dark"] body { background: #0e151b; }
</style>
{{ first_style }}
</head>
<body>
{{ first_screen }}
{{ embed(roots.location) }}{{ embed(roots.page) }}
{{ bokeh_css if bokeh_css }}
{% for line in (bokeh_js or "").splitlines() if "/bokeh-gl." not in line %}
{{ line }}
{% endfor %}
{{ plot_script }}
</body>
</html>
"""
"""What can be read stands before the scripts, which may take their time; WebGL is not used."""


def show(page: Page, title: str) -> None:
    """Make a page the whole document of the session that is being opened."""
    page.whole = True
    page.sizing_mode = "stretch_width"
    with pn.config.set(browser_info=False):  # of which nothing is asked
        document = page.server_doc(title=title)
    dress = page.dress
    next(root for root in document.roots if root.name != "location").name = "page"
    document.template = _compiled()
    document.template_variables.update(
        language=dress["lang"],
        direction=dress["dir"],
        theme=dress["theme"],
        first_style=_style(),
        first_screen=first_screen(page),
    )


@cache
def _compiled() -> Template:
    """Return the template, compiled once for all pages."""
    compiled: Template = pn.Template(_TEMPLATE).template
    return compiled


@cache
def _style() -> Markup:
    return first_style()
