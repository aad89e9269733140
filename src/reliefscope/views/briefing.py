"""One honest page per published product: the map, the numbers, what could not be seen."""

import html
from pathlib import Path

import panel as pn
import param

from reliefscope.products.catalog import Entry, find, open_package

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


class Briefing(pn.viewable.Viewer):
    """Choose a product of a catalog; see its sheet and its facts, and take the PDF along.

    Parameters
    ----------
    catalog : Path
        Folder of the catalog.
    """

    product: "param.Selector[str]" = param.Selector(doc="Which published product is shown.")

    def __init__(self, catalog: Path) -> None:
        super().__init__()
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
            pn.widgets.Select.from_param(self.param["product"], name="Product"),
            pn.bind(self._page, self.param["product"]),
            sizing_mode="stretch_width",
        )

    def _page(self, product: str) -> pn.viewable.Viewable:
        entry = self._entries[product]
        package = open_package(entry.folder)
        rows = "".join(
            f"<tr><th scope='row'>{words}</th><td>{html.escape(package.facts.text(key))}</td></tr>"
            for key, words in _FACTS.items()
            if key in package.facts
        )
        exercise = pn.pane.Alert("EXERCISE: simulated data", alert_type="danger")
        return pn.Column(
            *([exercise] if entry.exercise else []),
            pn.pane.HTML(f"<table aria-label='Facts'>{rows}</table>"),
            pn.pane.PNG(str(entry.folder / "sheet.en.png"), alt_text=f"Situation map {product}"),
            pn.widgets.FileDownload(
                str(entry.folder / "sheet.en.pdf"), filename=f"{product}.pdf", label="Map as PDF"
            ),
            sizing_mode="stretch_width",
        )
