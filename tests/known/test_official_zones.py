"""Numbers per administrative unit that others have published, found again in our tables."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.cube import State, describe
from reliefscope.model.event import Event, Hazard
from reliefscope.model.grid import grid_for
from reliefscope.products.catalog import publish
from reliefscope.products.exposure import OUTSIDE, assess
from reliefscope.products.facts import state_facts
from reliefscope.products.layers import compute_layers
from reliefscope.products.statistics import statistics
from reliefscope.products.verify import verify
from reliefscope.sources.layers import ContextFiles, read_context
from tests.products.conftest import draw_bare
from tests.products.scene import ONSET, make_product

pytestmark = pytest.mark.realdata


def raster(values, grid):
    return xr.DataArray(values, dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")))


def product_of(state, grid, area, hazard):
    """A product that says ``state`` of every pixel."""
    event = Event(id="E1", title="t", hazard=hazard, area=area, onset=ONSET)
    data = xr.Dataset({"state": describe("state", raster(state.astype("uint8"), grid))})
    return make_product(event=event, grid=grid, data=data)


def table_of(product, context):
    """The statistics of a product, as ``statistics.csv`` has them."""
    layers = compute_layers(product)
    exposure = assess(layers, context)
    return statistics(state_facts(product, layers, exposure, context))


def test_rain_deficits_of_somalia(shared_data):
    """Mean deficits of March to May 2022 in 18 districts, shared out by exact areas, are the
    official ones: within 0.1 mm in the median district, 1 mm in the worst.

    They take whole pixels by their centres; so the smaller a district, the larger the
    difference. The deficits, lifted above zero, take the place of the people.
    """
    folder = shared_data / "drought" / "chirps_east_africa_zonal" / "tests" / "fixtures"
    official = pd.read_csv(folder / "subnational_anomaly_statistics.csv").set_index("ADM1_PCODE")
    area = Area.from_bbox(40.9, -1.8, 51.5, 12.1, name="Somalia")
    files = ContextFiles(
        admin=folder / "polbnda_adm1_1m_ocha.geojson",
        fields={"name": "ADM1_REF", "pcode": "ADM1_PCODE"},
    )
    known = read_context(files, area)
    with rasterio.open(folder / "ea_chirps_seasaccum_anom_marmay_202230_lta.tif") as file:
        window = file.window(40.5, -2.5, 52, 13).round_offsets().round_lengths()
        deficit = file.read(1, window=window, masked=True).astype(float).filled(np.nan)
        grid = GeoBox(deficit.shape, file.window_transform(window), "EPSG:4326")
    product = product_of(np.isfinite(deficit), grid, area, Hazard.DROUGHT)
    lift = 1000.0
    sums, counts = (
        table_of(product, Context(admin=known.admin, population=raster(values, grid)))
        for values in (deficit + lift, np.where(np.isfinite(deficit), 1.0, np.nan))
    )
    mean = sums["population"] / counts["population"] - lift
    units = (sums["class"] == "total") & (sums["pcode"] != "")
    apart = (mean[units].set_axis(sums["pcode"][units]) - official["CHIRPS_mean"]).abs()
    assert len(apart) == 18
    assert apart.median() < 0.1
    assert apart.max() < 1


def _country(folder, area):
    """All levels of a country in one table, and the parent and official area of each unit."""
    frames, parents, areas = [], {}, {}
    for level in range(5):
        path = folder / f"caf_admin{level}.parquet"
        fields = {"name": f"adm{level}_name", "pcode": f"adm{level}_pcode"}
        frames.append(
            read_context(ContextFiles(admin=path, fields=fields), area).admin.assign(level=level)
        )
        table = gpd.read_parquet(path)
        coded = table[table[f"adm{level}_pcode"].notna()]
        areas |= dict(zip(coded[f"adm{level}_pcode"], coded["area_sqkm"], strict=True))
        if level:
            above = coded[f"adm{level - 1}_pcode"]
            parents |= dict(zip(coded[f"adm{level}_pcode"], above, strict=True))
    return pd.concat(frames, ignore_index=True), parents, areas


def test_levels_of_a_country_add_up(shared_data):
    """Central African Republic, levels 0 to 4: each level with its rest holds everybody to a
    millionth, children are their parents to a millionth of the whole, and the units have the areas
    that OCHA publishes within 0.1 %."""
    area = Area.from_bbox(14.3, 2.1, 27.6, 11.1, name="Central African Republic")
    admin, parents, areas = _country(shared_data / "exposure" / "codab_caf", area)
    assert admin.groupby("level").size().to_list()[:4] == [1, 17, 72, 175]
    grid = grid_for(area, 4000.0)
    random = np.random.default_rng(8)
    state = random.choice(np.uint8([0, 1, 3, 255]), grid.shape)
    cells = GeoBox.from_bbox((14, 2, 28, 12), crs="EPSG:4326", resolution=0.1)
    people = raster(random.gamma(0.3, 900, cells.shape), cells)
    product = product_of(state, grid, area, Hazard.FLOOD)
    layers = compute_layers(product)
    found = assess(layers, Context(admin=admin, population=people))
    sums = ["population", "exposed", "cannot_tell", "area_km2", "event_km2"]
    by_level = found.by_admin.groupby("level")[sums].sum()
    assert len(by_level) == 5
    whole = [*map(found.whole.heads, ("total", "event", "cannot_tell"))]
    whole += [*map(found.whole.km2, ("total", "event"))]
    for level in by_level.index:
        assert by_level.loc[level].to_list() == pytest.approx(whole, rel=1e-6), level
    units = found.by_admin[found.by_admin["pcode"] != ""].set_index("pcode")
    for level in (1, 2, 3):
        children = units[units["level"] == level]
        rolled = children.groupby(children.index.map(parents))[sums].sum()
        own = units.loc[rolled.index, sums]
        assert (abs(rolled - own) <= 1e-6 * np.array(whole)).all(axis=None), level
    ours = units.loc[units["level"] < 4, "area_km2"]
    assert ours.to_list() == pytest.approx([areas[code] for code in ours.index], rel=1e-3)


def test_the_people_of_sao_miguel_in_a_package(shared_data, tmp_path, monkeypatch):
    """145,603 people lie in facts, table, units and pixels of a package; each unit with its rest
    holds them to a millionth, and the package passes its own checks."""
    draw_bare(monkeypatch)
    folder = shared_data / "exposure" / "sao_miguel"
    units = gpd.read_file(folder / "concelhos.gpkg")
    units["pcode"] = [f"PT{n}" for n in range(len(units))]
    units.to_parquet(tmp_path / "units.parquet")
    area = Area.from_bbox(-25.9, 37.6, -25.1, 38.0, name="São Miguel")
    files = ContextFiles(
        population=folder / "gpw_v411_2020_count_2020.tif",
        population_source="GPW v4.11, 2020",
        admin=tmp_path / "units.parquet",
    )
    context = read_context(files, area)
    people = float(context.population.where(context.population >= 0).sum())
    assert people == pytest.approx(145_603, abs=0.5)
    grid = grid_for(area, 250.0)
    state = np.full(grid.shape, State.NO_EVENT)
    state[:, ::3], state[:, 1::3] = State.EVENT, State.EXCLUDED
    product = product_of(state, grid, area, Hazard.FLOOD)
    package = publish(
        product, tmp_path / "catalog", context=context, released=ONSET + dt.timedelta(days=2)
    )
    facts = package.facts
    parts = ("no_event", "reference", "excluded", "not_observed")
    told = sum(facts[f"population_{p}"].value for p in parts) + facts["exposed_population"].value
    assert told == pytest.approx(people, rel=1e-6)
    assert facts["population_total"].value == pytest.approx(people, rel=1e-6)
    table = pd.read_csv(package.folder / "statistics.csv").query("`class` == 'total'")
    rolled = table[table["level"].notna()]
    assert len(rolled) == 7
    assert rolled["population"].sum() == pytest.approx(people, rel=1e-6)
    assert OUTSIDE in set(rolled["name"])
    with rasterio.open(package.folder / "people.tif") as file:
        assert np.nansum(file.read(1, masked=True).filled(0), dtype="float64") == pytest.approx(
            people, rel=1e-5
        )
    failed = [gate for gate in verify(package.folder) if gate.passed is False]
    assert not failed, failed
