"""The exercise by the command a person types, against its known truth."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import pypdf
import pystac
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox

from reliefscope.cli import main
from reliefscope.jobs.exercise import exercise_request
from reliefscope.jobs.situation import plan_request
from reliefscope.model.area import Area
from reliefscope.model.cube import State
from reliefscope.model.event import Hazard
from reliefscope.model.grid import cell_area_m2
from reliefscope.pipeline.run import run
from reliefscope.products.catalog import Package, find, open_package
from reliefscope.products.layers import inside
from reliefscope.products.validate import validate
from tests.products.conftest import draw_bare

SIZE = 640
SEEDS = (7, 3)


@pytest.fixture(scope="module", params=SEEDS)
def package(request, tmp_path_factory) -> Package:
    """One published exercise, its truth beside it; of the second, the sheet is bare text."""
    folder = tmp_path_factory.mktemp("exercise")
    flags = [
        "--size",
        str(SIZE),
        "--seed",
        str(request.param),
        "--catalog",
        str(folder / "catalog"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELIEFSCOPE_CACHE", str(folder / "cache"))
        if request.param == SEEDS[1]:
            draw_bare(patch)
        assert main(["exercise", "flood", *flags]) == 0
    (entry,) = find(folder / "catalog")
    return open_package(entry.folder)


def _truth(package):
    (path,) = package.folder.parents[3].glob("cache/exercises/*/truth_extent.tif")
    return path


def test_map_agrees_with_the_truth(package):
    """Outside the exclusions the intersection is at least 0.90 of the union."""
    counts = validate(package.folder / "state.tif", _truth(package)).counts
    assert counts.iou >= 0.90


def test_true_area_lies_in_the_stated_interval(package):
    """Counted where the map states something, inside the event's area."""
    with rasterio.open(package.folder / "state.tif") as raster:
        state, profile = raster.read(1), raster.profile
    with (
        rasterio.open(_truth(package)) as truth,
        rasterio.vrt.WarpedVRT(
            truth,
            crs=profile["crs"],
            transform=profile["transform"],
            width=profile["width"],
            height=profile["height"],
        ) as aligned,
    ):
        flooded = aligned.read(1) == State.EVENT
    grid = GeoBox(state.shape, profile["transform"], profile["crs"].to_wkt())
    item = pystac.Item.from_file(str(package.item))
    area = Area.from_geometry(shapely.geometry.shape(item.geometry))
    stated = (state != State.EXCLUDED) & (state != State.NOT_OBSERVED) & inside(area, grid)
    true_km2 = cell_area_m2(grid)[flooded & stated].sum(dtype="float64") / 1e6
    fact = package.facts["event_area_km2"]
    assert fact.low <= true_km2 <= fact.high


def test_people_come_in_three_numbers_that_add_up(package):
    """Seen and cannot tell make the upper bound; districts make the whole."""
    facts = package.facts
    seen, unknown = facts["exposed_population"].value, facts["population_cannot_tell"].value
    assert seen > 0
    assert facts["population_upper_bound"].value == pytest.approx(seen + unknown, rel=1e-6)
    top = min(row["level"] for row in facts.admin)
    rows = [row for row in facts.admin if row["level"] == top]
    assert sum(row["exposed"] for row in rows) == pytest.approx(seen, rel=1e-3)


def test_everything_carries_the_mark(package):
    """Item, provenance, rasters and sheet all say EXERCISE."""
    assert pystac.Item.from_file(str(package.item)).properties["reliefscope:exercise"] is True
    assert json.loads((package.folder / "provenance.json").read_text(encoding="utf-8"))["exercise"]
    for path in package.folder.glob("*.tif"):
        with rasterio.open(path) as raster:
            assert raster.tags()["RELIEFSCOPE_EXERCISE"] == "YES"
    text = pypdf.PdfReader(package.folder / "sheet.en.pdf").pages[0].extract_text()
    assert "EXERCISE" in text
    assert "DRAFT" not in text


def test_checksums_hold(package):
    """Every line of SHA256SUMS is the digest of the file it names."""
    lines = (package.folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = dict(reversed(line.split(maxsplit=1)) for line in lines)
    names = {p.name for p in package.folder.iterdir()} - {"SHA256SUMS"}
    assert set(listed) == names or set(listed) == names - {"item.json"}
    for name, digest in listed.items():
        assert hashlib.sha256((package.folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("hazard", "size", "least"),
    [
        ("fire", 512, 0.7),
        ("drought", 512, 0.45),
        ("heat", 512, 0.7),
        ("earthquake", 512, 0.6),
        ("landslide", 512, 0.35),
        ("storm", 256, 0.6),
    ],
)
def test_other_disasters_are_found_where_they_struck(hazard, size, least, tmp_path, monkeypatch):
    """The same road maps them; where the map states something it overlaps the truth."""
    draw_bare(monkeypatch)
    monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / "cache"))
    catalog = tmp_path / "catalog"
    assert main(["exercise", hazard, "--size", f"{size}", "--catalog", str(catalog)]) == 0
    (entry,) = find(catalog)
    package = open_package(entry.folder)
    (truth,) = (tmp_path / "cache").glob("exercises/*/truth_extent.tif")
    assert validate(package.folder / "state.tif", truth).counts.iou >= least
    assert entry.exercise


@pytest.mark.parametrize("seed", [3, 7])
def test_depth_of_the_true_extent_is_near_the_true_depth(seed, tmp_path):
    """Terrain good to 0.3 m at 30 m: the error is under 0.8 m, of a flood a metre deep."""
    request, world = exercise_request(Hazard.FLOOD, size=512, seed=seed, cache=tmp_path)
    request = replace(request, indicator="flood_depth")
    found = run(plan_request(request), request.sources).data["depth_m"].compute()
    with (
        rasterio.open(world.truth["depth"]) as truth,
        rasterio.vrt.WarpedVRT(
            truth,
            crs=str(found.odc.geobox.crs),
            transform=found.odc.geobox.affine,
            width=found.sizes["x"],
            height=found.sizes["y"],
        ) as aligned,
    ):
        depth = aligned.read(1)
    flooded = depth > 0
    assert np.isfinite(found.values[flooded]).mean() > 0.99
    error = (found.values - depth)[flooded & np.isfinite(found.values)]
    assert np.sqrt(np.mean(error**2)) < 0.8
