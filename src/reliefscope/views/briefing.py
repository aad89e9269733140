"""One honest page per published product: the map, the numbers, what could not be seen."""

import html
from pathlib import Path
from typing import TYPE_CHECKING

import panel as pn
import param

from reliefscope.products.catalog import find, open_package

if TYPE_CHECKING:
    from reliefscope.products.index import Entry

_FACTS = {
    "event_area_km2": "Event area",
    "exposed_population": "People inside (seen)",
    "population_cannot_tell": "People where nobody can tell",
    "population_upper_bound": "People, upper bound",
    "observed_fraction": "Observed",
    "excluded_fraction": "Excluded",
    "image_acquired": "Image taken",
    "advisory": "Advisory flags",
}

_STYLE = """
h1 { font-size: 1.6rem; color: #16324f; margin: 12px 0 0; }
table { border-collapse: collapse; font-size: 1rem; width: 100%; }
th { text-align: left; font-weight: 500; padding: 8px 12px 8px 0; color: #38485a; }
td { text-align: right; font-weight: 700; padding: 8px 0; }
tr { border-bottom: 1px solid #d5dbe1; }
.exercise { background: #a3123f; color: white; font-weight: 700; padding: 8px 12px; }
"""


class Briefing(pn.viewable.Viewer):
    """Choose a product of a catalog; see its sheet and its facts, and take the PDF along.

    Parameters
    ----------
    catalog : Path
        Folder of the catalog.
    """

    product: "param.Selector[str]" = param.Selector(doc="Which published product is shown.")

    def __init__(self, catalog: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # untyped in Panel
        self._entries: dict[str, Entry] = {e.product_id: e for e in find(catalog)[::-1]}
        self.param["product"].objects = list(self._entries)
        self.product = next(iter(self._entries), None)

    def __panel__(self) -> pn.viewable.Viewable:
        """Return the page."""
        if not self._entries:
            return pn.pane.Markdown(
                "## No products yet\n\nPublish one with `reliefscope exercise flood`, "
                "then reload this page."
            )
        return pn.Column(
            pn.pane.HTML("<h1>ReliefScope briefing</h1>", stylesheets=[_STYLE]),
            pn.widgets.Select.from_param(self.param["product"], name="Product", width=460),
            pn.bind(self._page, self.param["product"]),
            sizing_mode="stretch_width",
            styles={"padding": "0 24px"},
        )

    def _page(self, product: str) -> pn.viewable.Viewable:
        entry = self._entries[product]
        facts = open_package(entry.folder).facts
        rows = "".join(
            f"<tr><th scope='row'>{words}</th><td>{html.escape(facts.text(key))}</td></tr>"
            for key, words in _FACTS.items()
            if key in facts
        )
        mark = "<p class='exercise'>EXERCISE: simulated data, not a real event</p>"
        told = pn.pane.HTML(
            f"{mark if entry.exercise else ''}<table aria-label='Facts'>{rows}</table>",
            stylesheets=[_STYLE],
        )
        first = min(entry.folder.glob("sheet.*.pdf"))
        sheet = pn.widgets.FileDownload(
            str(first),
            filename=f"{product}.pdf",
            label="Map as PDF",
            button_type="primary",
        )
        picture = pn.pane.PNG(
            str(first.with_suffix(".png")),
            alt_text=f"Situation map {product}; its numbers stand in the table beside it",
            sizing_mode="scale_width",
        )
        return pn.Row(
            pn.Column(told, sheet, width=400),
            pn.Column(picture, sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
        )
