import geopandas as gpd
import numpy as np
import pytest
import shapely

from reliefscope.errors import CubeError, FallbackWarning, InputError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.sources.layers import ContextFiles, read_context, read_population
from reliefscope.sources.tables import TABLES, Layer
from tests.scenes import lonlat_bounds, write_raster

PEOPLE = np.arange(400, dtype="float32").reshape(20, 20)


@pytest.fixture
def people(tmp_path):
    """Twenty by twenty cells of 100 m, one without a number."""
    counts = PEOPLE.copy()
    counts[0, 0] = -99
    return write_raster(tmp_path / "people.tif", counts, nodata=-99, pixel=100.0)


def test_population_keeps_its_own_grid_and_its_gaps(people):
    """Nothing is resampled: the counts around the area are those of the file, nodata is NaN."""
    whole = read_population(people, Area.from_bbox(*lonlat_bounds(people)))
    assert np.isnan(whole[0, 0])
    assert float(whole.sum()) == PEOPLE.sum() - PEOPLE[0, 0]
    west, south, east, north = lonlat_bounds(people)
    middle = Area.from_bbox(west, south, (west + east) / 2, north)
    part = read_population(people, middle)
    assert part.sizes["x"] in {11, 12}
    np.testing.assert_array_equal(part[1], PEOPLE[1, : part.sizes["x"]])


def test_population_elsewhere_or_broken_is_named(tmp_path, people):
    """Missing, not covering, without CRS, negative."""
    with pytest.raises(InputError, match="does not exist"):
        read_population(tmp_path / "none.tif", Area.from_bbox(0, 0, 1, 1))
    with pytest.raises(InputError, match="does not cover"):
        read_population(people, Area.from_bbox(50, 0, 51, 1))
    area = Area.from_bbox(*lonlat_bounds(people))
    with pytest.raises(CubeError, match="no CRS"):
        read_population(write_raster(tmp_path / "bare.tif", PEOPLE, epsg=None), area)
    with pytest.raises(InputError, match="negative"):
        read_population(write_raster(tmp_path / "minus.tif", -PEOPLE, pixel=100.0), area)


def _units(path, **columns):
    frame = gpd.GeoDataFrame(
        {k: [v, v] for k, v in columns.items()},
        geometry=[shapely.box(9, 44, 10, 46), shapely.box(50, 0, 51, 1)],
        crs="EPSG:4326",
    )
    frame.to_file(path)
    return path


def test_admin_units_are_cut_to_the_area_and_renamed(tmp_path):
    """Official columns are mapped to ours; a missing level is 1; the far unit is left out."""
    path = _units(tmp_path / "adm.gpkg", ADM2_EN="Town", ADM2_PCODE="XX01")
    where = ContextFiles(admin=path, fields={"name": "ADM2_EN", "pcode": "ADM2_PCODE"})
    admin = read_context(where, Area.from_bbox(9.2, 45, 9.4, 45.2)).admin
    assert admin[["name", "pcode", "level"]].to_numpy().tolist() == [["Town", "XX01", 1]]


def test_missing_columns_are_named_with_what_there_is(tmp_path):
    """The message tells which key mends it."""
    path = _units(tmp_path / "adm.gpkg", label="Town")
    with pytest.raises(InputError, match=r"lacks \['name', 'pcode'\]; it has .*label.*fields"):
        read_context(ContextFiles(admin=path), Area.from_bbox(9.2, 45, 9.4, 45.2))


def test_nothing_given_is_nothing_known():
    """Absent layers stay absent."""
    context = read_context(ContextFiles(), Area.from_bbox(0, 0, 1, 1))
    assert (context.population, context.admin, context.places) == (None, None, None)


@pytest.mark.realdata
def test_official_boundaries_are_read(shared_data):
    """Central African Republic, level 2, as published with p-codes in GeoParquet."""
    path = shared_data / "exposure" / "codab_caf" / "caf_admin2.parquet"
    columns = gpd.read_parquet(path).columns
    fields = {
        "name": next(c for c in columns if c.lower().startswith("adm2_name")),
        "pcode": next(c for c in columns if c.lower() == "adm2_pcode"),
    }
    admin = read_context(
        ContextFiles(admin=path, fields=fields), Area.from_bbox(18.3, 4.2, 18.8, 4.6)
    ).admin
    assert admin["pcode"].str.startswith("CF").all()
    assert len(admin) >= 1


def test_services_stand_beside_files(monkeypatch, people):
    """A name is a service, a path a file; where a service fails the map is made without, and
    says so."""

    def roads(area, _):
        line = shapely.LineString([area.centre, (area.centre[0] + 0.001, area.centre[1])])
        frame = gpd.GeoDataFrame({"class": ["primary"]}, geometry=[line], crs=4326)
        return Layer(data=frame, source="Roads of 2026")

    def down(*_):
        raise UnavailableError("the service is down")

    tables = {**TABLES, "roads": {"mine": roads}, "admin": {"broken": down}}
    monkeypatch.setattr("reliefscope.sources.layers.TABLES", tables)
    area = Area.from_bbox(*lonlat_bounds(people))
    where = ContextFiles(population=people, roads="mine", admin="broken")
    with pytest.warns(FallbackWarning, match="the service is down"):
        context = read_context(where, area)
    assert len(context.roads) == 1
    assert context.admin is None
    assert context.population is not None
    assert context.notes == ("admin: broken failed (the service is down); the map is made without",)
    assert context.credits == ("Roads of 2026",)
    with pytest.raises(InputError, match="neither a file nor a service; services are"):
        read_context(ContextFiles(admin="nobody"), area)
