"""The briefing of one product inside a notebook: the same page as on a server."""

from pathlib import Path
from urllib.parse import urlencode

from reliefscope.products.catalog import Package, open_package
from reliefscope.products.zone import zone_facts
from reliefscope.views.briefing import Briefing


def explore(product: Package | Path, *, language: str = "en", theme: str = "light") -> Briefing:
    """Return the page of a published product, to be shown in a notebook.

    Call ``panel.extension()`` in a cell before. The view can also be served: it is the one that
    ``panel serve`` shows, and its ``state`` is what people chose.

    Parameters
    ----------
    product : Package or Path
        From `publish`, `carry_out` or `open_package`, or the folder of a package.
    language : str
        Of the page, such as ``fr``.
    theme : str
        ``light`` or ``dark``.

    Raises
    ------
    InputError
        There is no whole package.

    Examples
    --------
    >>> import panel as pn  # doctest: +SKIP
    >>> pn.extension()  # doctest: +SKIP
    >>> explore(package)  # doctest: +SKIP
    """
    package = open_package(product) if isinstance(product, Path) else product
    query = urlencode({"product": package.product_id, "lang": language, "theme": theme})
    return Briefing(package.folder.parents[2], query=query, zone=zone_facts)
