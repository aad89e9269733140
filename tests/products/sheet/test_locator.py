"""The bundled outlines, and the pictures made of them."""

import geopandas as gpd
import pytest

from reliefscope.model.area import Area
from reliefscope.products.sheet import locator
from reliefscope.products.sheet.locator import country_names, draw_globe, draw_region, outlines
from reliefscope.words import words_in

KNOWN_KM2 = {"ESP": 505_990, "FJI": 18_274, "ZAF": 1_221_037, "LSO": 30_355, "RUS": 17_098_246}
"""United Nations Demographic Yearbook 2012, table 3, to within what 1:50 million can show."""


@pytest.mark.parametrize("name", ["land_110m", "countries_50m"])
def test_outlines_are_valid_polygons_on_the_globe(name):
    """No outline is broken, empty, or off the globe; none spans it by a slip at 180 degrees."""
    frame = outlines(name)
    assert frame.crs.to_epsg() == 4326
    assert frame.is_valid.all()
    assert set(frame.geom_type) <= {"Polygon", "MultiPolygon"}
    west, south, east, north = frame.total_bounds
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    parts = frame.explode(index_parts=False)
    wide = parts[(parts.bounds.maxx - parts.bounds.minx) > 200]
    assert wide.bounds.maxy.lt(-60).all()  # only Antarctica


def test_countries_have_their_size_and_codes():
    """Areas agree with published ones within 2 %, so rings and holes are as they should be."""
    frame = outlines("countries_50m")
    assert {"name", "name_iso", "iso_numeric", "iso_a2", "iso_a3"} <= set(frame.columns)
    assert frame["iso_a3"].str.len().eq(3).all()
    area = frame.to_crs("EPSG:6933").area / 1e6
    for code, known in KNOWN_KM2.items():
        assert area[frame["iso_a3"] == code].sum() == pytest.approx(known, rel=0.02)


@pytest.mark.parametrize(
    ("bbox", "names"),
    [
        ((-0.75, 38.95, -0.15, 39.35), ["Spain"]),
        ((178.5, -18.5, -179.5, -16.5), ["Fiji"]),
        ((28.0, -30.2, 28.4, -29.8), ["Lesotho"]),
        ((-30, 30, -29, 31), []),
    ],
)
def test_area_is_named_by_its_country(bbox, names):
    """Land, islands across the antimeridian, enclaves and the open sea."""
    assert country_names(Area.from_bbox(*bbox, name="x")) == names


@pytest.mark.parametrize(
    "bbox",
    [
        (-0.75, 38.95, -0.15, 39.35),
        (178.5, -18.5, -179.5, -16.5),
        (-60, -89, 60, -70),
        (-30.1, 30, -30, 30.1),
        (-20, -30, 40, 30),
    ],
)
def test_pictures_are_drawn_anywhere(bbox, tmp_path):
    """Continents, the antimeridian, a pole and the open ocean give pictures with the mark."""
    area = Area.from_bbox(*bbox, name="x")
    draw_globe(area, tmp_path / "g.svg")
    draw_region(area, (99.0, 56.0), 39.0, tmp_path / "r.svg")
    for name in ("g.svg", "r.svg"):
        assert "#d01c4b" in (tmp_path / name).read_text()


def test_countries_are_named_in_the_language_of_the_sheet(tmp_path, monkeypatch):
    """The names around the area are those of the sheet's language, Arabic ones included."""
    area = Area.from_bbox(-0.75, 38.95, -0.15, 39.35, name="x")
    seen = []
    monkeypatch.setattr(locator, "name_at", lambda _, name, *__, **___: seen.append(name))
    for language in ("en", "fr", "es", "ar"):
        draw_region(area, (99.0, 56.0), 39.0, tmp_path / "r.svg", words_in(language))
    assert {"Spain", "Espagne", "España", "إسبانيا"} <= set(seen)


@pytest.mark.realdata
def test_outlines_agree_with_the_source(shared_data):
    """Country by country the areas are those of Natural Earth's own file within 3 %."""
    folder = shared_data / "exposure" / "natural_earth_50m"
    source = gpd.read_file(folder / "ne_50m_admin_0_countries.shp").to_crs("EPSG:6933")
    theirs = (source.area / 1e6).groupby(source["ADM0_A3"]).sum()
    frame = outlines("countries_50m")
    ours = (frame.to_crs("EPSG:6933").area / 1e6).groupby(frame["iso_a3"]).sum()
    both = theirs.index.intersection(ours.index)
    large = [c for c in both if theirs[c] > 20_000 and c != "ATA"]
    assert len(large) > 120
    off = {c: float(ours[c] / theirs[c] - 1) for c in large}
    assert {c: v for c, v in off.items() if abs(v) > 0.03} == {}
