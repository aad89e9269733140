"""What every indicator promises on pixels: what was not seen, pieces, and types of numbers."""

import zlib

import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.indicators import INDICATORS
from reliefscope.model.cube import VARIABLES, State

SIDE = 64
GRID = GeoBox.from_bbox((500_000, 5_000_000, 501_280, 5_001_280), "EPSG:32632", shape=(SIDE, SIDE))
COORDS = xr_coords(GRID, dims=("y", "x"))
COARSE = 4
"""Every so many pixels are kept where eleven years of days would be too many."""
STRUCK = np.s_[36:58, 6:40]
MONTHS = np.arange("1991-01", "2004-01", dtype="datetime64[M]").astype("datetime64[ns]")
DAYS = np.arange("1991-01-01", "2002-01-01", dtype="datetime64[D]").astype("datetime64[ns]")
_TIMES = {"heat_wave": DAYS, "rain_extreme": DAYS}
_DAY = np.timedelta64(1, "D")
_STEPS = {"before": 36, "after": 4, "maps": 3, "weather": 8}
_RADAR = {"vv": -9.0, "vh": -15.0}
_STRUCK_DB = -10.0
_LAND = {
    "blue": 0.05, "green": 0.08, "red": 0.07, "nir": 0.35, "nir08": 0.35, "swir16": 0.25,
    "swir22": 0.15,
}  # fmt: skip
_WATER = {
    "blue": 0.06, "green": 0.06, "red": 0.04, "nir": 0.02, "nir08": 0.02, "swir16": 0.01,
    "swir22": 0.01,
}  # fmt: skip
_CODES = {
    "scl": 4, "land_cover": 40, "qa_pixel": 0, "fmask": 0, "water_seasonality": 0,
    "water_occurrence": 0, "water_monthly_recurrence": 0, "state": 0, "likelihood": 40,
    "gfm_flood": 0, "dswx_bwtr": 0, "dswx_wtr": 0, "gfm_water": 0, "gfm_likelihood": 20,
    "gfm_exclusion": 0, "gfm_reference_water": 0, "gfm_advisory": 0, "delineation": 0,
}  # fmt: skip
_FOR_THE_SCENE = {"min_years": 8.0, "block": 0.5}
_UNSEEN_CODE = {n for n in _CODES if n.startswith(("gfm", "dswx"))} | {"state", "likelihood"}
_LEVELS = {
    "precipitation": 60.0, "potential_evaporation": 80.0, "air_temperature": 295.0,
    "air_temperature_min": 288.0, "air_temperature_max": 302.0, "soil_moisture": 0.25,
    "ndvi": 0.5, "fapar": 0.5, "lst": 300.0, "wind_u10": 2.0, "wind_v10": 2.0,
    "incidence_deg": 38.0, "dewpoint_temperature": 288.0, "solar_radiation": 2e6,
    "storm_east": 2e4, "storm_north": 2e4, "storm_latitude": 15.0, "storm_wind": 45.0,
    "storm_radius": 3e4, "storm_deficit": 5e3, "storm_motion_east": 4.0, "storm_motion_north": 2.0,
}  # fmt: skip


def _values(name, role, shape, rng):
    """What a sensor might see: noise around a level, and something that happened since."""
    happened = np.zeros(shape, bool)
    happened[(..., *STRUCK)] = role != "before"
    if name in _RADAR:
        level = 10 ** ((_RADAR[name] + np.where(happened, _STRUCK_DB, 0)) / 10)
        return level * rng.gamma(20, 1 / 20, shape)
    if name in _LAND:
        return np.where(happened, _WATER[name], _LAND[name]) + rng.normal(0, 0.002, shape)
    if name == "elevation":
        row, column = np.indices(shape[-2:])
        return np.broadcast_to(100 + 0.2 * row + 2 * np.hypot(row - 47, column - 22), shape)
    if name in _CODES:
        event = name in {"state", "gfm_flood", "dswx_bwtr", "dswx_wtr", "gfm_water"}
        return np.where(happened & event, 1, _CODES[name]).astype(float)
    level = _LEVELS[name]
    spread = 0.05 * level if level < 200 else 2.0
    return np.maximum(level + spread * rng.normal(size=shape), 0.01)


def _lost(whole):
    """Return where a hole is made, in a scene of any number of pixels."""
    step = SIDE // whole.sizes["y"]
    return np.s_[..., 8 // step : 24 // step, 32 // step : 48 // step]


def _cube(role, need, record):
    layers = {}
    times = None
    if need.series:
        times = (
            record
            if record is not None
            else np.datetime64("2005-03-01T05:00", "ns")
            + (np.arange(_STEPS.get(role, 3)) * (12 if role in _STEPS else 1) * _DAY)
        )
        times = times - 600 * _DAY if role == "before" else times
    for name in need.any_of:
        rng = np.random.default_rng(zlib.crc32(f"{role} {name}".encode()))
        shape = (SIDE, SIDE) if times is None else (len(times), SIDE, SIDE)
        coords = COORDS if times is None else {"time": times, **COORDS}
        layers[name] = xr.DataArray(
            _values(name, role, shape, rng).astype("float32"),
            dims=("y", "x") if times is None else ("time", "y", "x"),
            coords=coords,
            attrs={"units": VARIABLES[name].units},
        )
    return xr.Dataset(layers)


@pytest.fixture(scope="module", params=INDICATORS)
def case(request):
    """An indicator, its cubes, and what it makes of them."""
    indicator = INDICATORS[request.param]
    months = MONTHS if request.param.startswith(("drought", "trend")) else None
    record = _TIMES.get(request.param, months)
    cubes = {n: _cube(n, d, record) for n, d in indicator.needs.items()}
    if record is DAYS:
        coarse = {"y": slice(None, None, COARSE), "x": slice(None, None, COARSE)}
        cubes = {n: c.isel(coarse).copy() for n, c in cubes.items()}
    if "land" in cubes:  # damage is told of buildings, slides of what is not cropland
        cover = {"damage_sar": 50, "landslide": 30}.get(request.param, 40)
        cubes["land"]["land_cover"][:] = cover
    options = {}
    if record is not None:
        options = {k: v for k, v in _FOR_THE_SCENE.items() if k in indicator.parameters}
    return indicator, cubes, options, indicator.compute(**cubes, **options).compute()


def test_what_was_not_seen_is_not_observed_and_the_rest_is(case):
    """A hole in the first cube is a hole in the state, neither larger than the filters nor filled:
    not "no event", not "excluded", without likelihood; far from it all is stated."""
    indicator, cubes, options, whole = case
    lost = _lost(whole)
    first = next(iter(indicator.needs))
    holed = cubes[first].copy(deep=True)
    for name in holed:
        holed[name].values[lost] = 255 if name in _UNSEEN_CODE else np.nan
    out = indicator.compute(**{**cubes, first: holed}, **options).compute()
    assert (out["state"].to_numpy()[lost] == State.NOT_OBSERVED).all()
    assert (out["likelihood"].to_numpy()[lost] == 255).all()
    far = whole.sizes["y"] * 5 // 8
    assert (out["state"].to_numpy()[far:, :] != State.NOT_OBSERVED).all()


def test_pieces_do_not_change_the_answer(case):
    """In blocks of 24 by 40 pixels and of a few steps, every layer is the same to the bit."""
    indicator, cubes, options, whole = case
    rows, columns = whole.sizes["y"] * 3 // 8, whole.sizes["x"] * 5 // 8
    pieces = {
        n: c.chunk({"y": rows, "x": columns} | ({"time": 50} if "time" in c.dims else {}))
        for n, c in cubes.items()
    }
    out = indicator.compute(**pieces, **options).compute()
    for name in whole:
        np.testing.assert_array_equal(out[name].to_numpy(), whole[name].to_numpy(), err_msg=name)


def test_double_precision_does_not_change_the_answer(case):
    """Numbers of eight bytes instead of four: the same state but for one pixel in a thousand that
    lies on an edge, and the same types of layers."""
    indicator, cubes, options, whole = case
    double = {n: c.astype("float64") for n, c in cubes.items()}
    out = indicator.compute(**double, **options).compute()
    assert (out["state"] != whole["state"]).mean() <= 0.001
    assert {n: out[n].dtype for n in out} == {n: whole[n].dtype for n in whole}


def test_something_is_stated_on_the_scene(case):
    """The scene of these tests is not empty to the indicator: they could fail."""
    _, _, _, whole = case
    assert (whole["state"] != State.NOT_OBSERVED).mean() > 0.9
    assert (whole["state"] == State.EXCLUDED).mean() < 0.9


def test_the_projection_comes_along(case):
    """Each layer of the map still knows where it lies, as the cubes did."""
    *_, whole = case
    assert {
        n for n in whole if {"y", "x"} <= set(whole[n].dims) and whole[n].odc.crs is None
    } == set()
    assert whole.odc.crs == GRID.crs
