import datetime as dt
import hashlib

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import mapping

from reliefscope.errors import InputError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._products import (
    ArchivedError,
    Record,
    as_granule,
    check_options,
    chosen,
    expected_archive,
    fetch_each,
    outlines,
    parse_name,
    read_footprint,
    strongest_checksum,
)
from reliefscope.transport.checksums import parse_checksum

WHEN = dt.datetime(2023, 10, 7, 10, 30, 21, tzinfo=dt.UTC)
WINDOW = Window(start=WHEN - dt.timedelta(days=1), end=WHEN + dt.timedelta(days=1))
HERE = Area.from_bbox(10, 50, 11, 51)
S1 = "S1A_IW_GRDH_1SDV_20231007T052459_20231007T052528_050649_061A2B_1751"
S2 = "S2A_MSIL2A_20231007T103021_N0509_R108_T32UQD_20231007T145612"


@pytest.mark.parametrize(
    ("name", "collection", "platform", "variables"),
    [
        (f"{S1}.SAFE", "sentinel-1-grd", "sentinel-1a", {"vv", "vh", "incidence_deg"}),
        (S1, "sentinel-1-grd", "sentinel-1a", {"vv", "vh", "incidence_deg"}),
        (S1.replace("1SDV", "1SSV"), "sentinel-1-grd", "sentinel-1a", {"vv", "incidence_deg"}),
        (S1.replace("1SDV", "1SDH"), "sentinel-1-grd", "sentinel-1a", set()),
        (f"{S1.replace('S1A', 'S1C')}_COG.SAFE", "sentinel-1-grd", "sentinel-1c", {"vv", "vh"}),
        (f"{S2}.SAFE.zip", "sentinel-2-l2a", "sentinel-2a", {"nir", "scl", "swir22"}),
    ],
)
def test_names_say_what_a_product_holds(name, collection, platform, variables):
    """Satellite, collection and polarisations, with or without suffix; HH is not ours."""
    parsed = parse_name(name)
    assert (parsed.collection, parsed.platform) == (collection, platform)
    assert variables <= parsed.variables
    assert bool(variables) == bool(parsed.variables)


@pytest.mark.parametrize(
    "name",
    [
        "",
        f"../{S1}.SAFE",
        f"{S1}/../../x",
        f"{S1}\n",
        f"{S1}.SAFE.SAFE",
        f"..\\{S2}",
        S1.replace("IW_GRDH", "IW_SLC_"),
        S2.replace("MSIL2A", "MSIL1C"),
        S2.replace("T32UQD", "T32U/D"),
        S2.replace("20231007", "\uff12\uff10\uff12\uff13\uff11\uff10\uff10\uff17"),
        "S1A_AUX_INS_V20140406T010000_G20140409T142540.SAFE",
    ],
)
def test_other_names_are_no_products(name):
    """Paths, line breaks, digits of other scripts, auxiliary files, other levels."""
    assert parse_name(name) is None


@given(st.text(max_size=90))
def test_no_text_becomes_a_path(text):
    """Whatever a hub calls a product, what is left of it is letters, digits and underscores."""
    for name in (text, f"{S1}{text}", f"{text}{S2}"):
        parsed = parse_name(name)
        assert parsed is None or parsed.stem.replace("_", "").isalnum()


def _record(name=S2, **fields):
    defaults = {
        "name": name,
        "start": WHEN,
        "footprint": HERE.geometry,
        "download": f"https://hub.example.org/{name}",
        "href": "https://hub.example.org/record",
    }
    return Record(**{**defaults, **fields})


def _granule(name=S2, **fields):
    return as_granule(_record(name, **fields), "hub")


def test_every_variable_points_to_the_whole_archive():
    """One archive, eight variables, its size, the strongest checksum that can be verified."""
    digests = {"MD5": "A" * 32, "BLAKE3": "b" * 64, "CRC32": "0", "SHA3-256": "short"}
    granule = _granule(size=5, checksums=digests, orbit_state="DESCENDING", cloud_cover=3.5)
    assert len(granule.assets) == 8
    (asset,) = set(granule.assets.values())
    assert asset == Asset(
        href=f"https://hub.example.org/{S2}", size=5, checksum="d50110" + "a" * 32
    )
    assert (granule.orbit_state, granule.platform) == ("descending", "sentinel-2a")
    assert granule.properties == {"processing_baseline": "0509"}


def test_strange_records_become_no_granule_or_hold_no_nonsense():
    """A name that is none is skipped; an orbit state that is none is left out."""
    assert _granule("../../etc/passwd") is None
    assert _granule(orbit_state="SIDEWAYS").orbit_state is None


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA3-256"])
def test_checksums_as_hubs_state_them_are_understood_when_files_are_verified(algorithm):
    """The multihash leads back to algorithm and digest; without any there is none."""
    name = {"MD5": "md5", "SHA-256": "sha256", "SHA3-256": "sha3_256"}[algorithm]
    digest = hashlib.new(name, b"x").hexdigest()
    assert parse_checksum(strongest_checksum({algorithm: digest.upper()})) == (name, digest)
    assert strongest_checksum({algorithm: digest[1:], "BLAKE3": digest}) is None


def test_multihashes_have_code_and_length():
    """SHA-256 of nothing as the multiformats project prints it: 12 20 e3b0c442..."""
    digest = hashlib.sha256(b"").hexdigest()
    assert strongest_checksum({"sha256": digest}).startswith("1220e3b0c442")


def test_an_archive_bears_the_products_own_name():
    """Name, size, checksum and kind are promised; a granule of another make is refused."""
    expected = expected_archive(_granule(), size=7, checksum="1220aa")
    assert (expected.name, expected.size, expected.content) == (f"{S2}.zip", 7, "zip")
    assert expected.checksums == ("1220aa",)
    forged = Granule(
        id="../x", source="s", collection="c", acquired=WHEN, footprint=HERE.geometry, assets={}
    )
    with pytest.raises(InputError, match="not the name of a product"):
        expected_archive(forged, size=None, checksum=None)


def test_only_what_lies_here_and_now_and_holds_what_is_wanted_is_chosen():
    """Another place, the end of the window, another variable: each left out."""
    far = Area.from_bbox(100, 0, 101, 1).geometry
    granules = [
        _granule(),
        _granule(S2.replace("32UQD", "32UQE"), footprint=far),
        _granule(S2.replace("32UQD", "32UQF"), start=WINDOW.end),
        _granule(S1),
    ]
    assert [g.id for g in chosen(granules, HERE, WINDOW, ["red"])] == [S2]
    early = _granule(S2.replace("32UQD", "32UQF"), start=WINDOW.start)
    found = chosen([*granules, early, early], HERE, WINDOW, ["red", "vv"])
    assert [g.id for g in found] == [early.id, S1, S2]


def test_of_scenes_processed_anew_the_latest_is_taken_and_halves_stay_together():
    """Baseline 05.09 replaces 02.14; two parts of one baseline both stay; one copy of a COG."""
    old = S2.replace("N0509", "N0214")
    half = S2.replace("T145612", "T150000")
    cog = f"{S1}_COG"
    found = chosen([_granule(n) for n in (old, half, S2, cog, S1)], HERE, WINDOW, ["red", "vv"])
    assert [g.id for g in found] == [S1, S2, half]


@pytest.mark.parametrize(
    "stated",
    [
        None,
        5,
        "foo",
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": "abc"},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, {}], [1, 1], [0, 0]]]},
        {"type": "MultiPolygon", "coordinates": []},
        {"type": ["Polygon"], "coordinates": {}},
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "GeometryCollection", "geometries": []},
        "POLYGON((nan 0,1 0,1 1,0 0))",
        "POLYGON((1e308 0,-1e308 0,1 1,1e308 0))",
        "POLYGON((0 0,1 100,1 1,0 0))",
        "POLYGON EMPTY",
        "POLYGON" + "(" * 100_000,
        "GEOMETRYCOLLECTION(" * 100_000,
        "POLYGON((" + "0 0," * 20_000 + "1 1,1 0,0 0))",
        {"type": "Polygon", "coordinates": [[[0, i / 9e4] for i in range(20_000)]]},
    ],
)
def test_what_is_no_footprint_is_none(stated):
    """Other types, no numbers, no area, off the globe, without end: no crash, no footprint."""
    assert read_footprint(stated) is None


def test_footprints_are_read_as_text_and_as_geojson_and_mended():
    """The same polygon twice; a bow tie becomes two triangles."""
    box = shapely.box(10, 50, 11, 51)
    assert read_footprint(box.wkt).equals(box)
    assert read_footprint(mapping(box)).equals(box)
    assert read_footprint("POLYGON((0 0,1 1,1 0,0 1,0 0))").area == pytest.approx(0.5)


def test_footprints_across_longitude_180_do_not_span_the_globe():
    """Drawn from 179 to -179 it is two degrees wide, not 358."""
    read = read_footprint("POLYGON((179 0,-179 0,-179 1,179 1,179 0))")
    assert read.area == pytest.approx(2)
    assert not read.intersects(shapely.Point(0, 0.5))
    assert read.intersects(shapely.Point(-179.5, 0.5))


def test_areas_are_asked_for_in_few_letters():
    """A drawn polygon goes as it is; an outline with many vertices by its box, split at 180."""
    assert [shapely.from_wkt(t) for t in outlines(HERE)] == [HERE.geometry]
    coast = Area.from_geometry(shapely.Point(10, 50).buffer(1, quad_segs=100))
    (text,) = outlines(coast)
    assert len(text) < 200
    assert shapely.from_wkt(text).covers(coast.geometry)
    fiji = Area.from_bbox(177, -20, -178, -15)
    parts = [shapely.from_wkt(t).bounds for t in outlines(fiji)]
    assert parts == [(177, -20, 180, -15), (-180, -20, -178, -15)]


@pytest.mark.parametrize(
    ("collections", "cloud", "said"),
    [
        (("sentinel-9",), 100, "sentinel-2-l2a"),
        ((), 100, "choose of"),
        (("sentinel-1-grd",), 101, "0 to 100"),
        (("sentinel-1-grd",), float("nan"), "0 to 100"),
    ],
)
def test_options_that_cannot_be_are_refused(collections, cloud, said):
    """The message says what is allowed."""
    with pytest.raises(InputError, match=said):
        check_options(collections, cloud)


def test_products_in_an_archive_do_not_hold_up_the_others(tmp_path):
    """Three asked for, one archived: two are fetched, then it is said which one to wait for."""
    fetched = []

    def fetch(granule):
        if "32UQE" in granule.id:
            raise ArchivedError(f"{granule.id} is being retrieved")
        fetched.append(granule.id)
        return tmp_path / granule.id

    granules = [_granule(S2.replace("32UQD", tile)) for tile in ("32UQD", "32UQE", "32UQF")]
    with pytest.raises(UnavailableError, match=r"1 of 3.*32UQE.*again later"):
        fetch_each(granules, fetch)
    assert len(fetched) == 2
    assert fetch_each(granules[:1], fetch) == [tmp_path / S2]
