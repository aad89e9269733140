"""A product made by hand, whose every number is known by construction."""

import datetime as dt

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyproj import Transformer

from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.cube import Advisory, describe
from reliefscope.model.event import Event, Hazard
from reliefscope.model.granule import Asset, Granule
from reliefscope.model.product import Product

ROWS, COLUMNS, PIXEL = 48, 64, 100.0
LEFT, TOP = 500_000.0, 5_000_000.0  # UTM 33 N, on the central meridian at about 45 N
GRID = GeoBox.from_bbox(
    (LEFT, TOP - ROWS * PIXEL, LEFT + COLUMNS * PIXEL, TOP),
    crs="EPSG:32633",
    shape=(ROWS, COLUMNS),
)
ONSET = dt.datetime(2024, 9, 14, 6, tzinfo=dt.UTC)
RELEASED = dt.datetime(2024, 9, 16, 12, 30, tzinfo=dt.UTC)


def lonlat(geometry):
    """Return a geometry of the grid's projection in EPSG:4326."""
    there = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    return shapely.transform(
        geometry, lambda xy: np.column_stack(there.transform(xy[:, 0], xy[:, 1]))
    )


def pixels(top, bottom, left, right):
    """Return the rectangle over rows [top, bottom) and columns [left, right)."""
    return shapely.box(
        LEFT + left * PIXEL, TOP - bottom * PIXEL, LEFT + right * PIXEL, TOP - top * PIXEL
    )


def layer(name, values):
    return describe(
        name, xr.DataArray(values, dims=("y", "x"), coords=xr_coords(GRID, dims=("y", "x")))
    )


def make_dataset(**over):
    """Return the layers: the left 40 columns of rows 8 to 40 hold every class.

    Columns 0-9 event (0-3 likely 90, 4-9 likely 60), 10-14 reference, 15-19 excluded (urban),
    20-24 not observed, 25-27 no event with likelihood 30, the rest no event with likelihood 2.
    """
    state = np.zeros((ROWS, COLUMNS), np.uint8)
    likelihood = np.full((ROWS, COLUMNS), 2, np.uint8)
    exclusion = np.zeros((ROWS, COLUMNS), np.uint16)
    state[:, 0:10], likelihood[:, 0:4], likelihood[:, 4:10] = 1, 90, 60
    state[:, 10:15], likelihood[:, 10:15] = 2, 95
    state[:, 15:20], exclusion[:, 15:20] = 3, 4
    state[:, 20:25], likelihood[:, 20:25] = 255, 255
    likelihood[:, 25:28] = 30
    grey = np.where(state == 2, -22.0, np.where(state == 1, -20.0, -8.0)).astype("float32")
    grey[:, 20:25] = np.nan
    arrays = {"state": state, "likelihood": likelihood, "exclusion": exclusion, "vv_db": grey}
    data = xr.Dataset({n: layer(n, over.get(n, a)) for n, a in arrays.items()})
    data["advisory"] = describe("advisory", xr.DataArray(np.uint16(Advisory.SINGLE_POLARISATION)))
    data["threshold_vv_db"] = describe("threshold_vv_db", xr.DataArray(-15.25))
    return data.chunk({"y": 16, "x": 32})


def make_granule(**over):
    fields = {
        "id": "S1A_20240915",
        "source": "stac",
        "collection": "sentinel-1-rtc",
        "acquired": dt.datetime(2024, 9, 15, 5, 12, tzinfo=dt.UTC),
        "footprint": lonlat(pixels(-20, 80, -20, 90)),
        "assets": {
            "vv": Asset(
                href="https://user:hunter2@data.example/s1/vv.tif?sig=SECRETTOKEN",
                size=1234,
                checksum="1220" + "ab" * 32,
            )
        },
        "platform": "Sentinel-1A",
        "instrument": "c-sar",
        "relative_orbit": 44,
        "licence": "Copernicus",
        "href": "https://api.example/collections/s1/items/a?token=SECRETTOKEN",
    }
    return Granule(**fields | over)


def make_product(**over):
    fields = {
        "event": Event(
            id="EMSR771",
            title="Flood in the test plain",
            hazard=Hazard.FLOOD,
            area=Area.from_geometry(lonlat(pixels(0, ROWS, 0, COLUMNS).buffer(1.0)), name="plain"),
            onset=ONSET,
        ),
        "indicator": "flood_sar",
        "method": "Dark water by threshold.",
        "reference": "doi:10.0/test",
        "grid": GRID,
        "data": make_dataset(),
        "granules": {"after": (make_granule(),)},
        "parameters": {"mmu": 10.0},
        "version": "0.1.0",
    }
    return Product(**fields | over)


def _halves():
    """Return what is north and south of row 24, up to column 60 and beyond the other edges."""
    return pixels(-9, 24, -9, 60), pixels(24, ROWS + 9, -9, 60)


def make_context(**over):
    """Return 400 m population cells of 160 people each, and two admin units over most of it."""
    box = GeoBox.from_bbox(GRID.boundingbox, crs="EPSG:32633", shape=(ROWS // 4, COLUMNS // 4))
    people = xr.DataArray(
        np.full((ROWS // 4, COLUMNS // 4), 160.0),
        dims=("y", "x"),
        coords=xr_coords(box, dims=("y", "x")),
    )
    admin = gpd.GeoDataFrame(
        {"name": ["Nordhausen", "Südhausen"], "pcode": ["T01", "T02"], "level": [2, 2]},
        geometry=[lonlat(shapely.segmentize(u, 25.0)) for u in _halves()],
        crs="EPSG:4326",
    )
    places = gpd.GeoDataFrame(
        {"name": ["Wet", "Edge", "Dry", "Dark", "Shut", "Far"], "population": [1, 2, 3, 4, 5, 6]},
        geometry=[lonlat(pixels(10, 11, c, c + 1).centroid) for c in (5, 10, 40, 22, 17, 500)],
        crs="EPSG:4326",
    )
    roads = gpd.GeoDataFrame(
        {"class": ["primary"]},
        geometry=[
            lonlat(
                shapely.segmentize(
                    shapely.LineString([(LEFT - 5000, TOP - 1000), (LEFT + 20_000, TOP - 1000)]),
                    500,
                )
            )
        ],
        crs="EPSG:4326",
    )
    fields = {
        "population": people,
        "population_source": "Hand-made 2024",
        "admin": admin,
        "admin_source": "Hand-made",
        "places": places,
        "roads": roads,
    }
    return Context(**fields | over)
