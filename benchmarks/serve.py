"""What serving costs: tiles of a large COG, vector tiles, many viewers, weight and time of pages.

    python benchmarks/serve.py tiles|viewers|pages [--catalog DIR] [--minutes M] [--viewers N]

Everything runs on loopback, in processes of its own; read ratios on a machine that others share.

A viewer opens the briefing, takes its document over a websocket, and then, every 10 to 30 s (20 on
average), asks for the numbers of an area that nobody asked for before and, one after the other,
for 12 tiles at places and zooms by chance: more than a person does who looks at what is there.
Waiting for all thirteen answers is one interaction. Pages that were left are kept for
``--unused`` seconds (600 in service), so that a cut connection finds its page again.
"""

import argparse
import asyncio
import contextlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import psutil
import rasterio
import rasterio.warp
from affine import Affine

from reliefscope.products import tiles, vector_tiles
from reliefscope.products.catalog import find

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

SIDE = 10_980
PIXEL_M = 10.0
LEFT, TOP = 500_000.0, 5_000_000.0
PORT = 5931
_EVERY_S = 20.0
_TILES = 12
_SLOW = {"latency": 600, "downloadThroughput": 32_000, "uploadThroughput": 32_000}
"""256 kbit/s, 600 ms."""


def large_cog(path: Path) -> None:
    """Write a state layer of a whole Sentinel tile: blobs of all classes, in EPSG:32633."""
    rng = np.random.default_rng(1)
    coarse = rng.choice(np.array([0, 0, 0, 1, 2, 3, 255], np.uint8), (549, 549))
    fine = np.kron(coarse, np.ones((20, 20), np.uint8))
    noise = rng.random(fine.shape) < 0.02  # noqa: PLR2004 - speckle
    fine[noise] = 1
    profile = {"driver": "COG", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8",
               "crs": "EPSG:32633", "transform": Affine(PIXEL_M, 0, LEFT, 0, -PIXEL_M, TOP),
               "nodata": 255, "compress": "DEFLATE", "blocksize": 512,
               "overview_resampling": "mode"}  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(fine, 1)


def places(path: Path, count: int) -> list[tuple[int, int, int]]:
    """Return tiles spread over a file, at zooms from the whole to single pixels."""
    rng = np.random.default_rng(2)
    with rasterio.open(path) as file:
        bounds = rasterio.warp.transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    found = []
    for _ in range(count):
        z = int(rng.integers(9, 15))
        lon, lat = rng.uniform(bounds[0], bounds[2]), rng.uniform(bounds[1], bounds[3])
        x = int((lon + 180) / 360 * 2**z)
        y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)
        found.append((z, x, y))
    return found


def milliseconds(times: list[float]) -> str:
    """Return median and 95th percentile in words."""
    top = sorted(times)[int(0.95 * (len(times) - 1))]
    return f"median {1000 * statistics.median(times):.1f} ms, p95 {1000 * top:.1f} ms"


def bench_tiles(_: argparse.Namespace) -> None:
    """Time tiles of a large COG, first in a new process, then again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.tif"
        large_cog(path)
        chosen = places(path, 60)
        tiles.tile(path, "state", 20, 0, 0)
        for label in ("cold (first look at each place)", "warm (again, drawn anew)"):
            times, sizes, busy = [], [], []
            for place in chosen:
                start, used = time.perf_counter(), time.process_time()
                sizes.append(len(tiles.tile(path, "state", *place) or b""))
                times.append(time.perf_counter() - start)
                busy.append(time.process_time() - used)
            print(f"tiles, {label}: {milliseconds(times)}, {statistics.mean(sizes) / 1000:.1f} kB")
            print(f"  of which the processor's: {milliseconds(busy)}")
        bench_vectors(Path(folder))


def bench_vectors(folder: Path) -> None:
    """Time vector tiles of 20,000 polygons: made once, then read."""
    import geopandas as gpd  # noqa: PLC0415 - for this part alone
    import shapely  # noqa: PLC0415 - likewise

    rng = np.random.default_rng(3)
    xy = rng.uniform((15.0, 44.0), (16.0, 45.0), (20_000, 2))
    shapes = shapely.buffer(shapely.points(xy), 0.002, quad_segs=4)
    path = folder / "v.gpkg"
    gpd.GeoDataFrame({"n": range(20_000)}, geometry=shapes, crs=4326).to_file(path, layer="event")
    start = time.perf_counter()
    store = vector_tiles.tiles_of(path, "event", folder / "cache", "mark")
    print(f"20,000 polygons made into tiles in {time.perf_counter() - start:.1f} s")
    times, sizes = [], []
    for z in range(7, 15):
        for _ in range(12):
            lon, lat = rng.uniform(15, 16), rng.uniform(44, 45)
            x = int((lon + 180) / 360 * 2**z)
            y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)
            start = time.perf_counter()
            sizes.append(len(vector_tiles.read_tile(store, z, x, y)))
            times.append(time.perf_counter() - start)
    print(f"vector tiles: {milliseconds(times)}, largest {max(sizes) / 1000:.0f} kB")


_SERVE = """
import sys
from pathlib import Path
from reliefscope.serve.config import Limits, Serving
from reliefscope.serve.server import run
catalog, cache, port, unused = sys.argv[1:]
run(Serving(catalog=Path(catalog), cache=Path(cache), port=int(port),
            limits=Limits(unused_session_s=int(unused))))
"""


@contextlib.contextmanager
def served(catalog: Path, unused: int = 600) -> Iterator[tuple[str, psutil.Process]]:
    """Run the server in a process of its own; yield its address and the process."""
    cache = tempfile.TemporaryDirectory()
    command = [sys.executable, "-c", _SERVE, str(catalog), cache.name, str(PORT), str(unused)]
    with cache, subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        base = f"http://127.0.0.1:{PORT}"
        try:
            for _ in range(600):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{base}/healthz", timeout=2)  # noqa: S310 - loopback
                    break
                time.sleep(0.2)
            yield base, psutil.Process(process.pid)
        finally:
            process.terminate()


async def viewer(
    client: httpx.AsyncClient, product: str, until: float, seen: dict[str, Any]
) -> None:
    """Open a page, stay connected, and ask for areas of one's own and some tiles now and then."""
    import websockets  # noqa: PLC0415 - for this part alone

    seen["count"] += 1
    rng = np.random.default_rng(seen["count"])
    base = str(client.base_url).rstrip("/")
    start = time.perf_counter()
    page = (await client.get(f"/briefing?product={product}")).text
    token = page.split('"token":"')[1].split('"')[0]
    seen["opened"].append(time.perf_counter() - start)
    address = f"{base.replace('http', 'ws', 1)}/briefing/ws"
    async with websockets.connect(
        address, subprotocols=["bokeh", token], origin=base, max_size=None, open_timeout=60
    ) as socket:
        for part in ('{"msgid":"1","msgtype":"PULL-DOC-REQ"}', "{}", "{}"):
            await socket.send(part)
        for _ in range(6):  # that it is heard, and the document, in three parts each
            await asyncio.wait_for(socket.recv(), 60)
        while time.monotonic() < until:
            start = time.perf_counter()
            area = json.dumps(some_area(seen["bbox"], rng))
            answers = [await client.post(f"/area/{product}", content=area)]
            seen["areas"].append(time.perf_counter() - start)
            for layer in rng.choice(["event", "after", "excluded"], _TILES):
                z, x, y = some_tile(seen["bbox"], rng)
                answers.append(await client.get(f"/tiles/{product}/{layer}/{z}/{x}/{y}.webp"))
            seen["times"].append(time.perf_counter() - start)
            if start > seen["all_here"]:
                seen["settled"].append(seen["times"][-1])
            seen["errors"] += sum(a.status_code != httpx.codes.OK for a in answers)
            await asyncio.sleep(float(rng.uniform(0.5, 1.5)) * _EVERY_S)


def some_area(bbox: list[float], rng: np.random.Generator) -> dict[str, Any]:
    """Return an area within a product, a third to two thirds of it wide and high."""
    west, south, east, north = bbox
    w, h = (east - west) * rng.uniform(0.3, 0.6), (north - south) * rng.uniform(0.3, 0.6)
    x, y = west + (east - west - w) * rng.random(), south + (north - south - h) * rng.random()
    ring = [[x, y], [x + w, y], [x + w, y + h], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def some_tile(bbox: list[float], rng: np.random.Generator) -> tuple[int, int, int]:
    """Return a tile within a product, from all of it to its pixels."""
    z = int(rng.integers(12, 18))
    lon, lat = rng.uniform(bbox[0], bbox[2]), rng.uniform(bbox[1], bbox[3])
    x = int((lon + 180) / 360 * 2**z)
    return z, x, int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)


async def crowd(base: str, product: str, args: argparse.Namespace, seen: dict[str, Any]) -> None:
    """Run all viewers, coming one after the other."""
    until = time.monotonic() + 60 * args.minutes
    tasks = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=args.viewers)
    async with httpx.AsyncClient(base_url=base, timeout=60, limits=limits) as client:
        for _ in range(args.viewers):
            tasks.append(asyncio.create_task(viewer(client, product, until, seen)))
            await asyncio.sleep(args.apart)
        seen["all_here"] = time.perf_counter()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [d for d in done if isinstance(d, BaseException)]
    seen["errors"] += len(failed)
    for error in failed[:3]:
        print(f"a viewer failed: {type(error).__name__}: {error}")


def busy(process: psutil.Process) -> float:
    """Return the processor time of a process [s]."""
    times = process.cpu_times()
    return float(times.user + times.system)


def held_up(process: psutil.Process) -> float:
    """Return how long threads of a process waited for a processor that others had [s]; Linux."""
    told = 0.0
    for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            told += int(path.read_text().split()[1]) / 1e9
    return told


def bench_viewers(args: argparse.Namespace) -> None:
    """Time what many viewers at once see, and the memory that they take and give back."""
    entry = next(e for e in find(args.catalog) if e.hazard == "flood")
    bbox = json.loads(entry.item.read_text())["bbox"]
    with served(args.catalog, args.unused) as (base, process):
        for path in ("/briefing", "/lite"):
            urllib.request.urlopen(base + path, timeout=60).read()  # noqa: S310 - loopback
        area = json.dumps(some_area(bbox, np.random.default_rng(0)))
        httpx.post(f"{base}/area/{entry.product_id}", content=area, timeout=120)
        before = process.memory_info().rss
        print(f"memory at first: {before / 1e6:.0f} MB")
        seen: dict[str, Any] = {"bbox": bbox, "count": 0}
        for wave in range(args.waves):
            seen |= {"opened": [], "times": [], "areas": [], "settled": [], "errors": 0,
                     "all_here": math.inf}  # fmt: skip
            print(f"wave {wave + 1}: {args.viewers} viewers, {args.minutes} min")
            told_of(seen, process, base, entry.product_id, args)
            during = process.memory_info().rss
            print(f"  memory: {during / 1e6:.0f} MB with all, "
                  f"{(during - before) / args.viewers / 1e6:.2f} MB each")  # fmt: skip
            time.sleep(args.unused + args.rest)
            print(f"  memory {args.unused + args.rest} s after all have left: "
                  f"{process.memory_info().rss / 1e6:.0f} MB")  # fmt: skip


def told_of(
    seen: dict[str, Any],
    process: psutil.Process,
    base: str,
    product: str,
    args: argparse.Namespace,
) -> None:
    """Run a crowd of viewers, and tell what it saw and took."""
    used, own = busy(process), time.process_time()
    waited, here = held_up(process), held_up(psutil.Process())
    asyncio.run(crowd(base, product, args, seen))
    print(f"  {seen['errors']} errors; page: {milliseconds(seen['opened'])}")
    print(f"  an area and {_TILES} tiles: {milliseconds(seen['times'])} "
          f"({len(seen['times'])} times)")  # fmt: skip
    print(f"  begun when all were there: {milliseconds(seen['settled'])}")
    print(f"  of which the area: {milliseconds(seen['areas'])}")
    print(f"  processor: {busy(process) - used:.0f} s of the server, "
          f"{time.process_time() - own:.0f} s of the viewers; waited for one: "
          f"{held_up(process) - waited:.0f} s and {held_up(psutil.Process()) - here:.0f} s; "
          f"load of the machine {psutil.getloadavg()[0]:.1f}")  # fmt: skip


_WATCH = """
globalThis.seen = {};
const look = () => {
  const first = document.getElementById("first");
  const told = first?.querySelector('[data-region="facts"] dd') ?? document.querySelector("dd");
  if (told) seen.facts ??= performance.now();
  const drawn = performance.getEntriesByType("resource").some(
    (e) => e.name.includes("/pictures/") && e.name.includes("event.webp") && e.responseEnd);
  if (told && (drawn || (document.images[0]?.complete && document.images[0].naturalWidth)))
    seen.picture ??= performance.now();
  const within = (node) => node.querySelector?.(".rs-map[data-drawn=yes]")
    ?? [...(node.querySelectorAll?.("*") ?? [])].map((e) => e.shadowRoot && within(e.shadowRoot))
         .find(Boolean);
  if (!first && within(document)) seen.live ??= performance.now();
  if (!seen.live) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
"""Notes when facts stand in the page, when its picture does, and when the map is live."""


def visit(
    context: "BrowserContext", address: str, *, live: bool, slow: bool = False
) -> dict[str, float]:
    """Open a page; return when what was seen [ms], what it weighed [kB], and its requests."""
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    if slow:
        wire.send("Network.emulateNetworkConditions", {"offline": False, **_SLOW})
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"]))
    sockets: list[int] = []
    wire.on("Network.webSocketFrameReceived",
            lambda e: sockets.append(len(e["response"]["payloadData"])))  # fmt: skip
    page.add_init_script(_WATCH)
    page.goto(address, wait_until="commit")
    for _ in range(2400):  # the policy of the pages allows no evaluated condition
        if page.evaluate(f"Boolean(globalThis.seen?.{'live' if live else 'picture'})"):
            break
        page.wait_for_timeout(50)
    if not slow:
        page.wait_for_timeout(1500)
    seen: dict[str, float] = page.evaluate(
        "({...seen, answer: performance.getEntriesByType('navigation')[0].responseStart})"
    )
    page.close()
    return {**seen, "kB": sum(sizes) / 1000, "requests": len(sizes), "socket kB":
            sum(sockets) / 1000}  # fmt: skip


def told(seen: dict[str, float]) -> str:
    """Return what was seen of a page in one line."""
    names = {"answer": "answer", "facts": "facts", "picture": "map picture", "live": "map live"}
    times = [f"{name} {seen[key] / 1000:.2f} s" for key, name in names.items() if key in seen]
    return (f"{', '.join(times)}; {seen['kB']:.0f} kB in {seen['requests']:.0f} requests, "
            f"{seen['socket kB']:.0f} kB by websocket (unpacked)")  # fmt: skip


def bench_pages(args: argparse.Namespace) -> None:
    """Weigh and time pages on the first and second visit, and the light one over a slow link."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - for this part alone

    product = next(e for e in find(args.catalog) if e.hazard == "flood").product_id
    pages = ((f"/lite/{product}?lang=en", False), (f"/briefing?product={product}", True))
    with served(args.catalog) as (base, _), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=args.chromium, args=["--no-sandbox"])
        for path, live in pages:
            for round_ in range(args.rounds):
                context = browser.new_context(viewport={"width": 1360, "height": 1000})
                for name in ("first", "second"):
                    seen = visit(context, base + path, live=live)
                    print(f"{path.partition('?')[0]}, {name} visit, round {round_ + 1}: "
                          f"{told(seen)}")  # fmt: skip
                context.close()
        context = browser.new_context()
        seen = visit(context, f"{base}/lite/{product}?lang=en", live=False, slow=True)
        print(f"light page over 256 kbit/s, 600 ms: {told(seen)}")
        browser.close()


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("tiles", "viewers", "pages"))
    parser.add_argument("--catalog", type=Path, default=Path("reliefscope-catalog"))
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--apart", type=float, default=0.3, help="seconds between arrivals")
    parser.add_argument("--rest", type=int, default=20)
    parser.add_argument("--unused", type=int, default=30, help="seconds a left page is kept")
    parser.add_argument("--waves", type=int, default=1, help="crowds, one after the other")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    {"tiles": bench_tiles, "viewers": bench_viewers, "pages": bench_pages}[args.what](args)


if __name__ == "__main__":
    main()
