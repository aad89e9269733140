"""Time and memory of the map sheet alone, for a product of one full Sentinel-1 tile.

    python benchmarks/sheet.py [--size 10980] [--languages en fr es ar] [--paper A3]

The product is of rivers, hatched ground and unseen corners on a grid of 10 m, held in memory; what
is timed is drawing: overview, then detail sheets, as PDF and PNG. The second language costs what is
not shared. The share of compiling an empty page is told as a yardstick of the machine.
"""

import argparse
import datetime as dt
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import typst
import xarray as xr
from odc.geo.geobox import GeoBox
from scipy import ndimage

from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.cube import State
from reliefscope.model.event import Event, Hazard
from reliefscope.model.grid import cell_area_m2
from reliefscope.model.product import Product
from reliefscope.products.exposure import assess
from reliefscope.products.facts import state_facts
from reliefscope.products.layers import Layers
from reliefscope.products.sheet import SheetContent, details, draw, draw_sheets
from reliefscope.words import words_in

RELEASED = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def make_content(size: int) -> SheetContent:
    """Return a product in memory with every class on it."""
    grid = GeoBox.from_bbox(
        (600_000, 5_000_000 - 10 * size, 600_000 + 10 * size, 5_000_000),
        crs="EPSG:32631",
        shape=(size, size),
    )
    rng = np.random.default_rng(7)
    coarse = ndimage.gaussian_filter(rng.standard_normal((size // 8 + 1, size // 8 + 1)), 12)
    field = np.kron(coarse.astype("float32"), np.ones((8, 8), "float32"))[:size, :size]
    low, high = np.quantile(coarse, (0.08, 0.8))
    state = np.where(field < low, 1, np.where(field > high, 3, 0)).astype(np.uint8)
    state[: size // 10, : size // 10] = 255
    box = grid.geographic_extent.boundingbox
    event = Event(
        id="BENCHMARK",
        title="A flood of a whole tile",
        hazard=Hazard.FLOOD,
        area=Area.from_bbox(box.left, box.bottom, box.right, box.top, name="tile"),
        onset=RELEASED,
    )
    product = Product(
        event=event, indicator="flood_sar", method="Made up.", reference="", grid=grid,
        data=xr.Dataset(), granules={},
    )  # fmt: skip
    layers = Layers(
        grid=grid,
        state=state,
        likelihood=np.where(state == 1, 90, 5).astype(np.uint8),
        exclusion=np.where(state == State.EXCLUDED, 4, 0).astype(np.uint16),
        inside=np.ones_like(state, dtype=bool),
        cell_area_m2=cell_area_m2(grid),
        background=field[::2, ::2],
    )
    context = Context()
    facts = state_facts(product, layers, assess(layers, context), context)
    return SheetContent(
        product=product, layers=layers, facts=facts, product_id="BENCHMARK_v1", version=1,
        released=RELEASED, item_href="https://example.org/item.json",
    )  # fmt: skip


def timed(content: SheetContent, languages: list[str], paper: str) -> float:
    """Return how long drawing in these languages takes [s]."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made = draw_sheets(
            content, Path(folder), [words_in(name) for name in languages], paper=paper
        )
        spent = time.perf_counter() - start
        sizes = [f.pdf.stat().st_size for m in made for f in (m, *m.details)]
        print(f"  {len(sizes)} sheets, largest PDF {max(sizes) / 1e6:.2f} MB")
        return spent


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10980)
    parser.add_argument("--languages", nargs="+", default=["en", "fr"])
    parser.add_argument("--paper", default="A3")
    args = parser.parse_args()
    start = time.perf_counter()
    typst.compile(b"empty", format="pdf")
    print(f"an empty page: {time.perf_counter() - start:.2f} s")
    content = make_content(args.size)
    timed(content, ["en"], args.paper)  # compiled, imported, cached
    every = timed(content, ["en"], args.paper)
    several = timed(content, args.languages, args.paper)
    draw.parts_to_detail = lambda *_: ()
    alone = timed(content, ["en"], args.paper)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"overview alone: {alone:.1f} s; with up to {details.MOST_DETAILS} details: {every:.1f} s"
    )
    print(f"{len(args.languages)} languages with details: {several:.1f} s; peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
