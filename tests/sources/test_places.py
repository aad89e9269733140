import warnings

import geopandas as gpd
import numpy as np
import pytest
import shapely

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.sources import places
from reliefscope.sources.places import area_from_file, area_from_name


@pytest.mark.parametrize(
    ("name", "point"),
    [("Nepal", (85.3, 27.7)), ("côte d'ivoire", (-5.5, 7.5)), ("FIJI", (178.0, -17.8))],
)
def test_countries_are_found_without_case_or_accents(name, point):
    """The outline holds a place known to lie in the country."""
    assert shapely.contains_xy(area_from_name(name).geometry, *point)


def test_unknown_country_gets_suggestions():
    """A slip of the pen is answered with what is near."""
    with pytest.raises(NothingFoundError, match=r"'Nepall'; did you mean Nepal\?"):
        area_from_name("Nepall")


def test_polygons_of_a_file_become_one_area(tmp_path):
    """Two touching squares in a projected CRS are one area in degrees."""
    squares = [shapely.box(5e5, 5e6, 5.5e5, 5.1e6), shapely.box(5.5e5, 5e6, 6e5, 5.1e6)]
    path = tmp_path / "two.geojson"
    gpd.GeoDataFrame(geometry=squares, crs="EPSG:32632").to_crs("EPSG:4326").to_file(path)
    area = area_from_file(path)
    assert area.name == "two"
    assert area.width_deg == pytest.approx(1.28, abs=0.02)


def test_mistakes_are_named(tmp_path, monkeypatch):
    """Missing, not vectors, no CRS, points only, too many vertices."""
    with pytest.raises(InputError, match="does not exist"):
        area_from_file(tmp_path / "x.gpkg")
    (tmp_path / "x.geojson").write_text("hello", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        area_from_file(tmp_path / "x.geojson")
    frame = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some releases of pyogrio warn of the fault we plant
        frame.to_file(tmp_path / "bare.shp")
    with pytest.raises(InputError, match="has no CRS"):
        area_from_file(tmp_path / "bare.shp")
    dots = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs="EPSG:4326")
    dots.to_file(tmp_path / "dots.gpkg")
    with pytest.raises(InputError, match="no polygon"):
        area_from_file(tmp_path / "dots.gpkg")
    monkeypatch.setattr(places, "MAX_VERTICES", 3)
    frame.set_crs("EPSG:4326").to_file(tmp_path / "square.gpkg")
    with pytest.raises(InputError, match="simplify"):
        area_from_file(tmp_path / "square.gpkg")
    assert np.isfinite(area_from_name("Malta").centre).all()
