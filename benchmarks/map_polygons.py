"""How smooth the map stays with many polygons, in a headless Chromium.

    python benchmarks/map_polygons.py --catalog DIR [--polygons N]

The districts of a flood are replaced by so many polygons, which the page takes as vector tiles.
The map is dragged and zoomed for some seconds each, and the time from one animation frame to the
next is taken, once with the polygons and once with the layer switched off. Where Chromium draws
without a graphics processor, painting takes most of a frame; what the page itself does in one (its
scripts and layout, which no graphics processor takes over) is told beside it.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely
from serve import served

from reliefscope.products import onscreen
from reliefscope.products.catalog import find

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

_LAYER = "administrativeA"
_SECONDS = 4.0
_SLOW_MS = 50.0
"""A frame that takes longer is seen as a jerk."""
_BEGIN = """() => {
  globalThis.frames_ = [];
  let last = performance.now();
  const next = (now) => {
    frames_.push(now - last);
    last = now;
    globalThis.id_ = requestAnimationFrame(next);
  };
  globalThis.id_ = requestAnimationFrame(next);
}"""
_END = "() => { cancelAnimationFrame(globalThis.id_); return globalThis.frames_.slice(1); }"


def with_polygons(catalog: Path, folder: Path, count: int) -> tuple[Path, str]:
    """Return a copy of a catalog whose flood has ``count`` districts, and the flood's name."""
    copy = Path(shutil.copytree(catalog, folder / "catalog"))
    entry = next(e for e in find(copy) if e.hazard == "flood")
    west, south, east, north = onscreen.extent_of(entry.folder)
    side = int(np.ceil(np.sqrt(count)))
    x, y = np.meshgrid(np.linspace(west, east, side), np.linspace(south, north, side))
    ring = 0.55 * max(east - west, north - south) / side
    shapes = shapely.buffer(shapely.points(x.ravel(), y.ravel())[:count], ring, quad_segs=4)
    frame = gpd.GeoDataFrame(
        {"name": [f"D{i}" for i in range(count)], "pcode": [f"D{i}" for i in range(count)]},
        geometry=shapes, crs=4326,
    )  # fmt: skip
    frame.to_file(entry.folder / "vectors.gpkg", layer=_LAYER, driver="GPKG")
    return copy, entry.product_id


def busy_s(wire: "CDPSession") -> float:
    """Return how long scripts, styles and layout of a page have taken so far [s]."""
    told = {m["name"]: m["value"] for m in wire.send("Performance.getMetrics")["metrics"]}
    return float(sum(told[f"{n}Duration"] for n in ("Script", "RecalcStyle", "Layout")))


def frames(page: "Page", *, zoom: bool) -> tuple[list[float], float]:
    """Drag the map, or zoom in and out; return the times between frames, and the page's own [ms].

    The latter is the mean of a frame.
    """
    wire = page.context.new_cdp_session(page)
    wire.send("Performance.enable")
    box = page.locator(".rs-target").bounding_box()
    if box is None:
        raise SystemExit("there is no map")
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    page.mouse.move(x, y)
    page.evaluate(_BEGIN)
    before = busy_s(wire)
    until, step = time.monotonic() + _SECONDS, 0
    if not zoom:
        page.mouse.down()
    while time.monotonic() < until:
        step += 1
        if zoom:
            page.mouse.wheel(0, -120 if step % 12 < 6 else 120)  # noqa: PLR2004 - in, and out again
        else:
            page.mouse.move(x + 120 * np.sin(step / 12), y + 90 * np.sin(step / 17))
    page.mouse.up()
    own = busy_s(wire) - before
    found: list[float] = page.evaluate(_END)
    return found, 1000 * own / max(len(found), 1)


def told(times: list[float]) -> str:
    """Return what was seen of some frames in words."""
    top = sorted(times)[int(0.95 * (len(times) - 1))]
    jerks = sum(t > _SLOW_MS for t in times) / len(times)
    return (f"{len(times)} frames, median {statistics.median(times):.0f} ms, p95 {top:.0f} ms, "
            f"longest {max(times):.0f} ms, {100 * jerks:.0f} % over {_SLOW_MS:.0f} ms")  # fmt: skip


def main() -> None:
    """Run the benchmark."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - after the arguments

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalog", type=Path, default=Path("reliefscope-catalog"))
    parser.add_argument("--polygons", type=int, default=20_000)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        catalog, product = with_polygons(args.catalog, Path(folder), args.polygons)
        with served(catalog) as (base, _), sync_playwright() as play:
            browser = play.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
            for label, layers in (("with", f"{_LAYER}:1:100"), ("without", f"{_LAYER}:0:100")):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                tiles: list[str] = []
                page.on("response", lambda r, seen=tiles: seen.append(r.url))
                page.goto(f"{base}/briefing?product={product}&layers={layers}")
                page.locator(".rs-map[data-drawn=yes]").wait_for(timeout=300_000)
                page.wait_for_load_state("networkidle", timeout=300_000)
                for zoom in (False, True):
                    seen, own = frames(page, zoom=zoom)
                    act = "zooming" if zoom else "dragging"
                    print(f"{label} {args.polygons:,} polygons, {act}: {told(seen)}")
                    print(f"  of a frame the page's own: {own:.1f} ms")
                print(f"  vector tiles asked for: {sum('.mvt' in t for t in tiles)}")
                page.close()
            browser.close()


if __name__ == "__main__":
    main()
