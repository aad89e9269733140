"""Buildings that changed stand out; nothing is said where nothing is built or seen."""

import dask
import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators.damage_sar import INDICATOR, damage_sar
from reliefscope.model.cube import Advisory, ChangeClass, Exclusion, State, describe
from reliefscope.model.event import Hazard
from reliefscope.products.sheet.wording import ADVISORIES, EVENT_NAMES

SHAPE = (64, 64)
GRID = GeoBox.from_bbox((500_000, 4_200_000, 500_640, 4_200_640), "EPSG:32636", shape=SHAPE)
COORDS = xr_coords(GRID, dims=("y", "x"))
FALLEN = np.s_[20:32, 24:40]


def passes(count, first, seed, *, change_db=0.0, orbit=21, bands=("vv", "vh")):
    rng = np.random.default_rng(seed)
    times = np.datetime64(first, "ns") + np.arange(count) * np.timedelta64(12, "D")
    layers = {}
    for name in bands:
        power = 0.2 * rng.gamma(4.4, 1 / 4.4, (count, *SHAPE))
        power[(slice(None), *FALLEN)] *= 10 ** (change_db / 10)
        array = xr.DataArray(
            power.astype("float32"), dims=("time", "y", "x"), coords=COORDS | {"time": times}
        )
        layers[name] = describe(name, array)
    return xr.Dataset(layers).assign_coords(relative_orbit=("time", [orbit] * count))


def land(code=50):
    cover = np.full(SHAPE, code, "float32")
    cover[:, 48:] = 40
    array = xr.DataArray(cover, dims=("y", "x"), coords=COORDS)
    return xr.Dataset({"land_cover": describe("land_cover", array)})


BEFORE = passes(11, "2030-01-01T16:00", 1)
AFTER = passes(4, "2030-05-13T16:00", 2, change_db=-6.0)


def test_fallen_buildings_stand_out():
    """Six decibels darker after: found, as change that nobody confirmed; its surroundings not."""
    out = damage_sar(AFTER, BEFORE, land())
    state = out["state"].values
    inside = np.zeros(SHAPE, bool)
    inside[FALLEN] = True
    assert (state[inside] == State.EVENT).mean() > 0.9
    far = np.s_[44:, :48]
    assert (state[far] == State.EVENT).mean() < 0.01
    assert (out["change_class"].values[inside] == ChangeClass.PROBABLE).mean() > 0.9
    assert Advisory.NOT_CONFIRMED in Advisory(int(out["advisory"]))


def test_nothing_is_said_where_nothing_is_built():
    """Fields are excluded with their reason, they have no likelihood and no class."""
    out = damage_sar(AFTER, BEFORE, land())
    fields = np.s_[:, 48:]
    assert (out["state"].values[fields] == State.EXCLUDED).all()
    assert (out["exclusion"].values[fields] == Exclusion.NO_BUILDINGS).all()
    assert (out["likelihood"].values[fields] == 255).all()
    assert (out["change_class"].values[fields] == ChangeClass.NOT_OBSERVED).all()


def test_without_a_change_hardly_anything_is_called_changed():
    """Speckle alone, everywhere built: under half a percent."""
    calm = passes(4, "2030-05-13T16:00", 3)
    assert (damage_sar(calm, BEFORE)["state"] == State.EVENT).mean() < 0.005


def test_what_was_not_seen_is_neither_changed_nor_whole():
    """A corner outside all passes after is not observed."""
    after = AFTER.copy(deep=True)
    after["vv"].values[:, :10, :10] = np.nan
    after["vh"].values[:, :10, :10] = np.nan
    out = damage_sar(after, BEFORE, land())
    assert (out["state"].values[:10, :10] == State.NOT_OBSERVED).all()
    assert (out["likelihood"].values[:10, :10] == 255).all()
    assert np.isnan(out["change_t"].values[:10, :10]).all()


def test_orbits_are_never_mixed():
    """Another orbit looks from elsewhere: its brighter images are no change, by coordinate or by
    the hour of the pass; alone it has too few passes."""
    other = passes(2, "2030-05-16T04:30", 4, orbit=94)
    other["vv"] *= 4
    other["vv"].attrs["units"] = "1"
    both = xr.concat([passes(4, "2030-05-13T16:00", 3), other], "time")
    assert (damage_sar(both, BEFORE)["state"] == State.EVENT).mean() < 0.005
    unnamed = both.drop_vars("relative_orbit")
    plain = damage_sar(unnamed, BEFORE.drop_vars("relative_orbit"))
    assert (plain["state"] == State.EVENT).mean() < 0.005
    with pytest.raises(InsufficientDataError, match="no orbit with 5 and 3"):
        damage_sar(other, BEFORE)


def test_one_polarisation_is_enough():
    """Old archives have VV alone."""
    out = damage_sar(AFTER[["vv"]], BEFORE[["vv"]], land())
    assert (out["state"].values[FALLEN] == State.EVENT).mean() > 0.8


def test_lazy_stays_lazy_and_equal():
    """Nothing is computed while it is set up; blocks do not change the answer."""

    def refuse(*_, **__):
        raise AssertionError("something was computed")

    whole = damage_sar(AFTER, BEFORE, land())
    blocks = {"y": 20, "x": 33}
    with dask.config.set(scheduler=refuse):
        pair = [c.drop_vars("relative_orbit").chunk({"time": 2, **blocks}) for c in (AFTER, BEFORE)]
        lazy = damage_sar(*pair, land())
    for name in ("state", "likelihood", "exclusion", "advisory"):
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])


def test_what_cannot_be_tested_is_refused():
    """No common polarisation, a single image, decibels, and hardly anything seen."""
    with pytest.raises(CubeError, match="in common"):
        damage_sar(AFTER[["vv"]], BEFORE[["vh"]])
    with pytest.raises(CubeError, match="no time dimension"):
        damage_sar(AFTER.isel(time=0), BEFORE)
    wrong = AFTER.copy()
    wrong["vv"] = wrong["vv"].assign_attrs(units="dB")
    with pytest.raises(CubeError, match="dB"):
        damage_sar(wrong, BEFORE)
    with pytest.raises(InsufficientDataError, match="widen"):
        damage_sar(AFTER.where(AFTER["x"] < 500_010).assign_attrs(), BEFORE).compute()


def test_no_word_of_destruction():
    """Change, not confirmed damage: in the title, and in every name it gives."""
    assert "not confirmed" in INDICATOR.title
    words = [m.name.lower() for m in ChangeClass] + [INDICATOR.title.lower()]
    assert not any(bad in word for word in words for bad in ("destroy", "collapse"))


def test_an_explosion_is_change_too_and_never_called_damage():
    """It fits explosions, by its title and by the flag that every product of it carries."""
    assert INDICATOR.fits(Hazard.EXPLOSION)
    assert not INDICATOR.fits(Hazard.FLOOD)
    assert "not confirmed" in INDICATOR.title
    assert EVENT_NAMES[Hazard.EXPLOSION][0] == "Changed area"
    assert "not confirmed damage" in ADVISORIES[Advisory.NOT_CONFIRMED]
