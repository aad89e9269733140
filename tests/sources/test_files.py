import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
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
