import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.indicators.flood_ready import flood_ready
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.grid import grid_for
from reliefscope.sources.files import FilesSource, RasterFile
from tests.scenes import lonlat_bounds, write_raster

DAY = dt.timedelta(days=1)


@pytest.fixture
def folder(tmp_path):
    """Two dates of two polarisations, and a terrain model."""
    for stamp in ("20240220T053000", "2024-03-03"):
        for name in ("vv", "vh"):
            write_raster(tmp_path / f"S1A_{stamp}_{name}.tif", np.full((8, 8), 0.1, "f4"))
    write_raster(tmp_path / "dem_elevation.tif", np.full((8, 8), 300, "f4"))
    (tmp_path / "notes.txt").write_text("not a raster", encoding="utf-8")
    return tmp_path


@pytest.fixture
def area(folder):
    """The ground that the scenes cover."""
    return Area.from_bbox(*lonlat_bounds(folder / "dem_elevation.tif"))


def _window(first, last):
    return Window(
        start=dt.datetime.fromisoformat(first).replace(tzinfo=dt.UTC),
        end=dt.datetime.fromisoformat(last).replace(tzinfo=dt.UTC),
    )


def test_names_say_variable_and_date(folder, area):
    """A folder is understood without a list; one granule per moment, with checksums."""
    source = FilesSource(folder=folder, units={"vv": "1", "vh": "1"})
    assert source.provides == {"vv", "vh", "elevation"}
    found = source.search(area, _window("2024-02-01", "2024-04-01"), ["vv", "vh"])
    assert [g.acquired.date().isoformat() for g in found] == ["2024-02-20", "2024-03-03"]
    assert set(found[0].assets) == {"vv", "vh"}
    assert all(a.checksum.startswith("1220") and a.size for a in found[0].assets.values())


def test_window_and_place_select(folder, area):
    """Other days and other places hold nothing; static layers are asked for without a window."""
    source = FilesSource(folder=folder)
    assert len(source.search(area, _window("2024-03-01", "2024-03-10"), ["vv"])) == 1
    assert source.search(Area.from_bbox(50, 50, 51, 51), None, ["elevation"]) == []
    (terrain,) = source.search(area, None, ["elevation"])
    assert terrain.acquired is None


def test_listed_files_need_no_naming(folder, area):
    """Any name goes when the list says what it is."""
    listed = RasterFile(
        path=Path("dem_elevation.tif"),
        variable="vv",
        acquired=dt.datetime(2024, 3, 2, tzinfo=dt.UTC),
        units="dB",
        relative_orbit=44,
    )
    (granule,) = FilesSource(folder=folder, files=(listed,)).search(
        area, _window("2024-03-01", "2024-03-10"), ["vv"]
    )
    assert granule.relative_orbit == 44
    assert granule.assets["vv"].units == "dB"


def test_simulated_rasters_are_known_by_their_tag(tmp_path):
    """The mark of an exercise travels inside the file."""
    path = write_raster(
        tmp_path / "elevation.tif", np.ones((8, 8), "f4"), RELIEFSCOPE_EXERCISE="YES"
    )
    (granule,) = FilesSource(folder=tmp_path).search(
        Area.from_bbox(*lonlat_bounds(path)), None, ["elevation"]
    )
    assert granule.exercise


def test_mistakes_are_named(tmp_path):
    """No such folder, nothing in it, no such file, no such variable."""
    with pytest.raises(InputError, match="does not exist"):
        FilesSource(folder=tmp_path / "x")
    with pytest.raises(InputError, match="no rasters found"):
        FilesSource(folder=tmp_path)
    with pytest.raises(InputError, match="unknown variable 'hh'"):
        RasterFile(path=Path("a.tif"), variable="hh")
    source = FilesSource(files=(RasterFile(path=tmp_path / "a.tif", variable="elevation"),))
    with pytest.raises(NothingFoundError, match="does not exist"):
        source.search(Area.from_bbox(0, 0, 1, 1), None, ["elevation"])


@pytest.mark.parametrize(
    ("stem", "variable", "when", "platform"),
    [
        (
            "OPERA_L3_DSWx-S1_T48QYD_20231007T224402Z_20240212T133812Z_S1A_30_v0.1_B02_BWTR",
            "dswx_bwtr",
            "2023-10-07T22:44:02",
            "S1A",
        ),
        (
            "OPERA_L3_DSWx-HLS_T15QYU_20211011T162221Z_20230906T035547Z_S2A_30_v1.1_B01_WTR",
            "dswx_wtr",
            "2021-10-11T16:22:21",
            "S2A",
        ),
        (
            "EU_E036N006T3_ENSEMBLE_EXCLAYER_20250124T060225_VV_EU020M_E036N006T3_20250124",
            "gfm_exclusion",
            "2025-01-24T06:02:25",
            "",
        ),
        (
            "EU_E036N006T3_ADVFLAG_20250124T060225__VV_D110_E036N006T3_EQUI7_S1_20250124",
            "gfm_advisory",
            "2025-01-24T06:02:25",
            "",
        ),
        ("EU_X_REFERENCE_WATER_OUT_S1_20170101T055325", "gfm_reference_water", None, ""),
        ("MCD64A1_Burn_Date_2017_182", "burn_date", "2017-07-01T00:00:00", ""),
        (
            "OPERA_L2_RTC-S1_T070-1_20231015T110523Z_20231016T000000Z_S1A_30_v1.0_VV",
            "vv",
            "2023-10-15T11:05:23",
            "S1A",
        ),
    ],
)
def test_ready_made_products_are_known_by_their_own_names(tmp_path, stem, variable, when, platform):
    """OPERA, GFM and MODIS name their files by rules of their own."""
    write_raster(tmp_path / f"{stem}.tif", np.zeros((8, 8), "float32"))
    (file,) = FilesSource(folder=tmp_path).files
    assert file.variable == variable
    assert (file.acquired and file.acquired.isoformat()[:19]) == when
    assert file.platform == platform


@pytest.mark.realdata
def test_opera_water_of_viet_nam_from_its_folder(shared_data):
    """Four dates are found; the new water from 7 to 15 October 2023 is 71.4 km2, computed by the
    same road as any map."""
    folder = shared_data / "flood" / "opera_dswx_s1_vietnam"
    source = FilesSource(folder=folder)
    area = Area.from_bbox(106.9, 16.3, 107.9, 17.2)
    window = Window(
        start=dt.datetime(2023, 10, 1, tzinfo=dt.UTC), end=dt.datetime(2023, 11, 1, tzinfo=dt.UTC)
    )
    granules = source.search(area, window, ["dswx_bwtr"])
    assert [f"{g.acquired:%d}" for g in granules] == ["07", "10", "15", "19"]
    with rasterio.open(granules[0].assets["dswx_bwtr"].href) as raster:
        grid = GeoBox(raster.shape, raster.transform, raster.crs.to_wkt())
    first, third = (
        source.load([g], grid, ["dswx_bwtr"]).isel(time=0) for g in (granules[0], granules[2])
    )
    state = flood_ready(third, first)["state"].to_numpy()
    assert (state == 1).sum() * 900 / 1e6 == pytest.approx(71.4, abs=0.1)


@pytest.mark.realdata
def test_gfm_from_its_folder(shared_data):
    """Every layer of the set is one granule of its moment; the codes arrive as they are stored."""
    source = FilesSource(folder=shared_data / "flood" / "gfm_costablanca")
    assert {"gfm_flood", "gfm_exclusion", "gfm_water", "gfm_advisory"} <= source.provides
    area = Area.from_bbox(-0.5, 38.2, 0.2, 38.8)
    window = Window(
        start=dt.datetime(2025, 1, 24, tzinfo=dt.UTC), end=dt.datetime(2025, 1, 25, tzinfo=dt.UTC)
    )
    wanted = ["gfm_flood", "gfm_exclusion", "gfm_water", "gfm_advisory"]
    (granule,) = source.search(area, window, wanted)
    assert set(granule.assets) == set(wanted)
    assert f"{granule.acquired:%H:%M:%S}" == "06:02:25"
    cube = source.load([granule], grid_for(area, 20), ["gfm_flood", "gfm_exclusion"])
    assert set(np.unique(cube["gfm_exclusion"].to_numpy())[:2]) <= {0.0, 1.0}
