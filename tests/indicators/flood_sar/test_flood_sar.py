import dask
import numpy as np
import odc.geo.xr
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators.flood_sar import flood_extent
from reliefscope.model.cube import NO_LIKELIHOOD, Advisory, Exclusion, State, describe
from reliefscope.numerics.radar import power

SIZE = 192
LAND, WATER = {"vv": -10.0, "vh": -16.5}, {"vv": -19.5, "vh": -26.0}
Y, X = np.mgrid[:SIZE, :SIZE]
LAKE = (Y - 96) ** 2 + (X - 96) ** 2 < 40**2
FLOOD = (Y - 96) ** 2 + (X - 96) ** 2 < 65**2
DRY = np.zeros((SIZE, SIZE), bool)


def on_grid(values, size=SIZE, resolution=10.0, crs="EPSG:32633"):
    extent = size * resolution
    box = (500_000, 4_000_000, 500_000 + extent, 4_000_000 + extent)
    grid = GeoBox.from_bbox(box, crs=crs, shape=(size, size))
    return odc.geo.xr.wrap_xr(values, grid)


def image(wet, *, seed=0, water=WATER, land=LAND, names=("vv", "vh"), gap=None):
    """Backscatter with speckle of 4.4 looks, linear power."""
    rng = np.random.default_rng(seed)
    cube = {}
    for name in names:
        db = np.where(wet, water[name], land[name]).astype(np.float32)
        value = (power(db) * rng.gamma(4.4, 1 / 4.4, db.shape)).astype(np.float32)
        if gap is not None:
            value[gap] = np.nan
        cube[name] = describe(name, on_grid(value))
    return xr.Dataset(cube)


def layer(name, values):
    return xr.Dataset({name: describe(name, on_grid(np.asarray(values, np.float32)))})


def flags(result):
    return Advisory(int(result["advisory"]))


def near(mask, pixels=4):
    """Ring around the outline of ``mask`` where smoothing blurs the answer."""
    distance = np.hypot(Y - 96, X - 96)
    radius = np.sqrt(mask.sum() / np.pi)
    return np.abs(distance - radius) < pixels


def agreed(got, want, where):
    return np.mean((got == want)[where])


@pytest.mark.parametrize("names", [("vv", "vh"), ("vv",), ("vh",)])
def test_a_lake_is_found_with_each_set_of_polarisations(names):
    """IoU of 0.95 on a lake in fields; without reference all of it is event; flags say so."""
    result = flood_extent(image(LAKE, names=names))
    wet = result["state"].to_numpy() == State.EVENT
    assert (wet & LAKE).sum() / (wet | LAKE).sum() > 0.95
    assert set(np.unique(result["state"])) == {State.NO_EVENT, State.EVENT}
    single = Advisory.SINGLE_POLARISATION if len(names) == 1 else Advisory(0)
    assert flags(result) == Advisory.NO_REFERENCE_WATER | single
    for name in ("vv", "vh"):
        assert np.isfinite(result[f"threshold_{name}_db"]) == (name in names)
    assert np.isnan(result["threshold_change_db"])


def test_layers_carry_the_units_and_codes_of_the_table():
    """State has CF flags, likelihood percent, decibels dB, and all of it a CRS."""
    result = flood_extent(image(LAKE))
    assert result["state"].dtype == np.uint8
    assert result["exclusion"].dtype == np.uint16
    assert result["state"].attrs["flag_values"] == [0, 1, 2, 3, 255]
    assert result["likelihood"].attrs["units"] == "percent"
    assert result["vv_db"].attrs["units"] == "dB"
    assert result.odc.crs == "EPSG:32633"
    assert result["state"].dims == ("y", "x")


def test_likelihood_is_fifty_exactly_on_water():
    """Who reads likelihood and who reads state see the same water, holes and specks included."""
    result = flood_extent(image(LAKE, water={"vv": -15.0, "vh": -21.5}), min_area=5)
    wet = result["state"].to_numpy() == State.EVENT
    likely = result["likelihood"].to_numpy()
    assert likely.max() <= 100
    np.testing.assert_array_equal(likely >= 50, wet)


def test_what_was_not_seen_is_neither_dry_nor_wet():
    """A gap across shore and lake stays a gap in every layer."""
    gap = (X > 80) & (X < 110)
    result = flood_extent(image(LAKE, gap=gap))
    np.testing.assert_array_equal(result["state"] == State.NOT_OBSERVED, gap)
    np.testing.assert_array_equal(result["likelihood"] == NO_LIKELIHOOD, gap)
    np.testing.assert_array_equal(np.isnan(result["vv_db"]), gap)
    assert agreed(result["state"].to_numpy() == State.EVENT, LAKE, ~gap & ~near(LAKE)) == 1


def test_one_polarisation_missing_in_places_is_no_gap():
    """Where VH has a hole VV decides alone."""
    cube = image(LAKE)
    cube["vh"] = cube["vh"].where((X < 90) | (X > 100))
    result = flood_extent(cube)
    assert not (result["state"] == State.NOT_OBSERVED).any()
    assert agreed(result["state"].to_numpy() == State.EVENT, LAKE, ~near(LAKE)) == 1


def test_a_scene_of_water_is_found_and_flagged():
    """Without land there is no second class: the default finds it and says it was used."""
    result = flood_extent(image(~DRY))
    assert (result["state"] == State.EVENT).all()
    assert Advisory.DEFAULT_THRESHOLD in flags(result)


@pytest.mark.parametrize("land", [LAND, {"vv": -7.0, "vh": -13.0}, {"vv": -13.0, "vh": -19.5}])
def test_a_scene_without_water_stays_dry(land):
    """Fields, forest, dry grass: nothing is declared flooded for want of a second class."""
    result = flood_extent(image(DRY, land=land))
    assert (result["state"] == State.NO_EVENT).all()
    assert Advisory.DEFAULT_THRESHOLD in flags(result)


def test_shallow_vegetated_water_gets_low_likelihood_and_a_flag():
    """Water 3 dB below land is not claimed, but its likelihood and the flag admit it."""
    shallow = {"vv": -12.8, "vh": -19.6}
    result = flood_extent(image(FLOOD, water=shallow))
    likely = result["likelihood"].to_numpy()
    inside = FLOOD & ~near(FLOOD, 8)
    assert np.median(likely[inside]) > np.median(likely[~FLOOD]) + 10
    assert np.median(likely[inside]) < 75
    assert Advisory.LOW_CONTRAST in flags(result)


@pytest.mark.parametrize(
    ("name", "always", "never"), [("water_seasonality", 12, 0), ("water_occurrence", 95, 10)]
)
def test_permanent_water_is_reference(name, always, never):
    """The lake of every month is reference, the flood around it event."""
    result = flood_extent(image(FLOOD), water=layer(name, np.where(LAKE, always, never)))
    state = result["state"].to_numpy()
    assert (state[LAKE] == State.REFERENCE).all()
    assert agreed(state == State.EVENT, FLOOD & ~LAKE, ~near(FLOOD)) == 1
    assert Advisory.NO_REFERENCE_WATER not in flags(result)


def test_known_water_that_looks_like_land_is_flagged_rough():
    """Wind brightens the lake to the level of land: still reference, with a warning."""
    result = flood_extent(image(DRY), water=layer("water_seasonality", 12 * LAKE))
    assert (result["state"].to_numpy()[LAKE] == State.REFERENCE).all()
    assert Advisory.ROUGH_WATER in flags(result)


def test_water_of_before_and_after_is_no_news():
    """With an image before, the lake is reference and what was added is event."""
    result = flood_extent(image(FLOOD), image(LAKE, seed=1))
    state = result["state"].to_numpy()
    clear = ~near(LAKE) & ~near(FLOOD)
    assert agreed(state == State.REFERENCE, LAKE, clear) == 1
    assert agreed(state == State.EVENT, FLOOD & ~LAKE, clear) == 1
    assert float(result["threshold_change_db"]) == pytest.approx(-4.75, abs=1)
    ring = FLOOD & ~LAKE & clear
    assert result["log_ratio_db"].to_numpy()[ring].mean() == pytest.approx(-9.5, abs=0.3)


def test_several_images_before_are_averaged_in_power():
    """Power 0.05 and 0.15 average to 0.1, -10 dB; their decibels would average to -10.6."""
    low, high = (image(DRY, seed=s) for s in (1, 2))
    flat = xr.ones_like(low["vv"])
    before = xr.concat(
        [low.assign(vv=0.05 * flat, vh=0.05 * flat), high.assign(vv=0.15 * flat, vh=0.15 * flat)],
        dim="time",
    )
    before = before.map(lambda a: describe(a.name, a))
    after = low.assign(vv=describe("vv", 0.1 * flat), vh=describe("vh", 0.1 * flat))
    result = flood_extent(after, before)
    np.testing.assert_allclose(result["log_ratio_db"], 0, atol=0.011)


def test_shadow_on_a_slope_is_excluded_and_the_valley_is_not():
    """Dark pixels on a slope of 31 degrees cannot be water; those on the valley floor are."""
    east = 10.0 * np.maximum(0, X - 120) * 0.6
    valley = np.where(X < 120, 0.02 * np.abs(X - 60), east)
    dark = ((X > 50) & (X < 70)) | ((X > 150) & (X < 170))
    result = flood_extent(image(dark), terrain=layer("elevation", valley))
    state, reason = result["state"].to_numpy(), result["exclusion"].to_numpy()
    assert (state[:, 55:65] == State.EVENT).all()
    assert (state[:, 155:165] == State.EXCLUDED).all()
    assert (reason[:, 155:165] == Exclusion.STEEP_TERRAIN).all()
    assert (state[:, 100:118] == State.NO_EVENT).all()
    np.testing.assert_array_equal(reason != 0, state == State.EXCLUDED)
    excluded = state == State.EXCLUDED
    assert (result["likelihood"].to_numpy()[excluded] == NO_LIKELIHOOD).all()


def test_given_slope_and_height_above_drainage_are_used():
    """The same decision from layers computed elsewhere."""
    terrain = layer("slope_deg", np.where(X < 96, 0, 25))
    terrain = terrain.assign(hand=layer("hand", np.zeros_like(X))["hand"])
    state = flood_extent(image(FLOOD), terrain=terrain)["state"].to_numpy()
    clear = ~near(FLOOD)
    assert (state[FLOOD & clear & (X < 90)] == State.EVENT).all()
    assert (state[FLOOD & clear & (X > 100)] == State.EXCLUDED).all()


def test_land_cover_says_where_radar_cannot_tell():
    """City: cannot tell. Forest: cannot tell unless open water shows. Bare: dark without water."""
    cover = np.select([X < 48, X < 96, X < 144], [50, 10, 60], 40)
    result = flood_extent(image(FLOOD), land=layer("land_cover", cover))
    state, reason = result["state"].to_numpy(), result["exclusion"].to_numpy()
    clear = ~near(FLOOD)
    assert (reason[X < 48] == Exclusion.URBAN).all()
    forest = (X >= 48) & (X < 96) & clear
    assert (reason[forest & ~FLOOD] == Exclusion.DENSE_VEGETATION).all()
    assert (state[forest & FLOOD] == State.EVENT).all()
    bare = (X >= 96) & (X < 144) & clear
    assert (reason[bare & FLOOD] == Exclusion.LOW_BACKSCATTER).all()
    assert (state[bare & ~FLOOD] == State.NO_EVENT).all()
    assert Advisory.ARID in flags(result)


def test_bare_ground_that_darkened_is_flood():
    """An image before shows that the bare ground was not dark by itself."""
    cover = layer("land_cover", np.full((SIZE, SIZE), 60))
    result = flood_extent(image(FLOOD), image(DRY, seed=1), land=cover)
    state = result["state"].to_numpy()
    assert (state[FLOOD & ~near(FLOOD)] == State.EVENT).all()


def test_specks_below_the_mapping_unit_are_dropped():
    """Two ponds of 0.49 and 2.25 ha: a unit of 1 ha keeps the larger."""
    ponds = ((Y > 40) & (Y < 48) & (X > 40) & (X < 48)) | (
        (Y > 120) & (Y < 136) & (X > 120) & (X < 136)
    )
    sharp = {"detail": 0, "smoothing": 10}
    both = flood_extent(image(ponds), **sharp)["state"].to_numpy()
    large = flood_extent(image(ponds), min_area=1, **sharp)["state"].to_numpy()
    assert (both[42:46, 42:46] == State.EVENT).all()
    assert (large[42:46, 42:46] == State.NO_EVENT).all()
    assert (large[124:132, 124:132] == State.EVENT).all()


def everything(chunks=None):
    inputs = {
        "after": image(FLOOD, gap=(Y < 20) & (X < 30)),
        "before": image(LAKE, seed=1, gap=(Y > 170)),
        "terrain": layer("elevation", 0.05 * np.abs(X - 96) + 0.1 * Y),
        "water": layer("water_seasonality", np.where(LAKE & (X < 96), 12, 0)),
        "land": layer("land_cover", np.where(X > 150, 50, 40)),
    }
    if chunks is None:
        return inputs
    return {name: cube.chunk(y=chunks[0], x=chunks[1]) for name, cube in inputs.items()}


def test_lazy_in_lazy_out():
    """Nothing is computed while the graph is built."""

    def refuse(*_args, **_kwargs):
        pytest.fail("something was computed")

    with dask.config.set(scheduler=refuse):
        result = flood_extent(**everything((64, 96)))
    assert all(dask.is_dask_collection(array) for array in result.data_vars.values())


@pytest.mark.parametrize("chunks", [(192, 192), (50, 192), (64, 37), (10, 96)])
def test_blocks_do_not_show(chunks):
    """Any chunking gives the bits of the plain computation, in every layer."""
    want = flood_extent(**everything())
    got = flood_extent(**everything(chunks)).compute(scheduler="threads")
    xr.testing.assert_identical(got, want)


@pytest.mark.parametrize(("seen", "fraction"), [(0, 0.0), (5, 5 / SIZE)])
def test_too_little_seen_is_an_error_with_the_fraction(seen, fraction):
    """Nothing, or 2.6 % where 5 % are needed."""
    with pytest.raises(InsufficientDataError, match="of the scene was observed") as caught:
        flood_extent(image(DRY, gap=seen <= X))
    assert caught.value.observed_fraction == pytest.approx(fraction)


def test_half_seen_is_flagged():
    """Less than half of the scene: stated, with a flag."""
    assert Advisory.LOW_COVERAGE in flags(flood_extent(image(LAKE, gap=X < 110)))


def test_decibels_taken_for_power_are_refused_when_computed():
    """-10 cannot be power; lazily the error waits for the computation."""
    cube = image(LAKE)
    wrong = cube.assign(vv=describe("vv", 10 * np.log10(cube["vv"]))).chunk(y=64, x=64)
    lazy = flood_extent(wrong)
    with pytest.raises(CubeError, match="declared as linear power"):
        lazy.compute(scheduler="synchronous")


def test_power_taken_for_decibels_is_refused():
    """Linear power that was converted once more is flatter than any scene."""
    cube = image(LAKE).map(lambda a: describe(a.name, xr.apply_ufunc(power, a)), keep_attrs=True)
    with pytest.raises(CubeError, match="declared as decibels"):
        flood_extent(cube)


def unlocated(cube):
    plain = {n: a.drop_vars("spatial_ref").drop_attrs() for n, a in cube.items()}
    return xr.Dataset({n: describe(n, a) for n, a in plain.items()})


BROKEN = {
    "units": lambda a, _: {"after": a.assign(vv=a["vv"].assign_attrs(units="dB"))},
    "polarisation": lambda a, _: {"after": a.drop_vars(["vv", "vh"])},
    "crs": lambda a, _: {"after": unlocated(a)},
    "time": lambda a, _: {"after": a.expand_dims(time=2)},
    "grid": lambda a, b: {"after": a, "before": b.assign_coords(x=b["x"] + 5)},
    "shared": lambda a, b: {"after": a[["vv"]], "before": b[["vh"]]},
    "water": lambda a, _: {"after": a, "water": layer("hand", DRY)},
    "terrain": lambda a, _: {"after": a, "terrain": layer("land_cover", DRY)},
}


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("units", "'vv' is in 'dB'"),
        ("polarisation", "it needs vv, vh or both"),
        ("crs", "no CRS"),
        ("time", "choose one image"),
        ("grid", "different grids along x"),
        ("shared", "a polarisation in common"),
        ("water", "needs one of water_seasonality"),
        ("terrain", "needs elevation"),
    ],
)
def test_broken_cubes_are_refused_at_once(what, message):
    """Each breach of the contract is named, with what to do."""
    with pytest.raises(CubeError, match=message):
        flood_extent(**BROKEN[what](image(LAKE), image(DRY, seed=1)))


@pytest.mark.realdata
def test_a_real_scene_with_terrain_and_reference_water(shared_data):
    """A river in flood below hills: the flooded plain is found, the hills stay dry, what JRC knows
    as water in five months of the year is reference if five months are asked for."""
    folder = shared_data / "flood" / "s1_dem_jrc"

    def read(name):
        with rasterio.open(folder / f"ayt12_{name}.tif") as raster:
            values = raster.read(1).astype(np.float32)
            values[values == raster.nodata] = np.nan
            return odc.geo.xr.wrap_xr(values, GeoBox(raster.shape, raster.transform, raster.crs))

    after = xr.Dataset({n: describe(n, xr.apply_ufunc(power, read(n))) for n in ("vv", "vh")})
    terrain = xr.Dataset({"elevation": describe("elevation", read("nasadem"))})
    months = read("jrc_seasonality")
    water = xr.Dataset({"water_seasonality": describe("water_seasonality", months)})
    result = flood_extent(after, terrain=terrain, water=water, permanent=5)
    state = result["state"].to_numpy()
    high = terrain["elevation"].to_numpy() > 90
    assert 0.15 < np.mean(state == State.EVENT) < 0.3
    assert np.mean(state[high] == State.EVENT) < 0.01
    np.testing.assert_array_equal(state == State.REFERENCE, months.to_numpy() >= 5)
    assert flags(result) == Advisory(0)


def test_water_that_is_usual_in_this_month_is_no_news():
    """A monsoon lake in its month is reference where water is found, and dry where it is not."""
    usual = layer("water_monthly_recurrence", np.where(FLOOD, 80, 0))
    state = flood_extent(image(LAKE), water=usual)["state"].to_numpy()
    assert agreed(state == State.REFERENCE, LAKE, ~near(LAKE)) == 1
    assert (state[FLOOD & ~LAKE & ~near(LAKE)] == State.NO_EVENT).all()


def test_one_smoothing_everywhere_is_a_plain_mean():
    """As wide at edges as elsewhere: the lake, not an empty scene."""
    state = flood_extent(image(LAKE), smoothing=10, detail=10)["state"].to_numpy()
    assert agreed(state == State.EVENT, LAKE, ~near(LAKE)) > 0.999


@pytest.mark.realdata
@pytest.mark.parametrize("orbit", ["ascending", "descending"])
def test_real_flat_ground_has_no_layover_and_little_is_excluded(shared_data, orbit):
    """A flooded plain, 50 to 144 m: a fifth to a quarter is water; nothing hidden by terrain, less
    than 1 % excluded, each pixel with a reason."""
    folder = shared_data / "flood" / "s1_dem_jrc"
    with rasterio.open(folder / "ayt12_vv.tif") as raster:
        grid = GeoBox(raster.shape, raster.transform, raster.crs)

    def cube(name, file):
        values = rasterio.open(folder / f"ayt12_{file}.tif").read(1).astype(np.float32)
        if name in {"vv", "vh"}:
            values = power(np.where(values == 0, np.float32(np.nan), values))
        return describe(name, odc.geo.xr.wrap_xr(values, grid))

    after = xr.Dataset({n: cube(n, n) for n in ("vv", "vh")}).assign_attrs(orbit_state=orbit)
    terrain = xr.Dataset({"elevation": cube("elevation", "nasadem")})
    water = xr.Dataset({"water_seasonality": cube("water_seasonality", "jrc_seasonality")})
    result = flood_extent(after, terrain=terrain, water=water)
    state, reason = result["state"].to_numpy(), result["exclusion"].to_numpy()
    assert 0.2 < np.mean(state == State.EVENT) < 0.25
    assert not (reason & Exclusion.LAYOVER_SHADOW).any()
    assert np.mean(state == State.EXCLUDED) < 0.01
    np.testing.assert_array_equal(reason != 0, state == State.EXCLUDED)
