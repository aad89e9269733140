import datetime as dt
import json

import numpy as np
import pystac
import pytest

from reliefscope.errors import AccessError, InputError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.grid import grid_for
from reliefscope.sources._profiles import PROFILES
from reliefscope.sources._stac import as_granule
from reliefscope.sources.stac import StacSource
from reliefscope.transport.client import Transport
from tests.scenes import WHEN, lonlat_bounds, make_collection, make_item, write_raster
from tests.servers import file_server, stac_server

MARCH = Window(start=WHEN - dt.timedelta(days=1), end=WHEN + dt.timedelta(days=9))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """One radar scene on disk: the left half water, the right half land."""
    folder = tmp_path_factory.mktemp("scene")
    values = np.full((64, 64), 0.1, "float32")
    values[:, :32] = 0.005
    return write_raster(folder / "vv.tif", values)


def _items(scene, address, **extra):
    item = make_item(
        "S1_A",
        lonlat_bounds(scene),
        platform="sentinel-1a",
        **{"sat:relative_orbit": 44, "sat:orbit_state": "ascending"},
        **{"view:sun_azimuth": 155.2, "view:sun_elevation": 38.5},
    )
    item.add_asset(
        "vv",
        pystac.Asset(f"{address}/vv.tif", extra_fields={"raster:bands": [{"unit": "1"}], **extra}),
    )
    late = make_item("S1_B", lonlat_bounds(scene), WHEN + dt.timedelta(days=40))
    late.add_asset("vv", item.assets["vv"])
    far = make_item("S1_C", (100, 10, 101, 11))
    far.add_asset("vv", item.assets["vv"])
    return [item, late, far]


@pytest.fixture(scope="module")
def api(scene, tmp_path_factory):
    """A STAC API beside a server of byte ranges."""
    with (
        file_server(scene.parent) as files,
        stac_server(tmp_path_factory.mktemp("api"), make_collection(), _items(scene, files)) as url,
    ):
        yield url


def test_search_and_read_through_real_servers(api, scene):
    """Window and place select one granule; its pixels arrive by range in canonical units."""
    area = Area.from_bbox(*lonlat_bounds(scene))
    source = StacSource(url=api, collections=("radar",))
    (granule,) = source.search(area, MARCH, ["vv", "vh"])
    assert (granule.id, granule.relative_orbit, granule.orbit_state) == ("S1_A", 44, "ascending")
    assert (granule.sun_azimuth, granule.sun_elevation) == (155.2, 38.5)
    vv = source.load([granule], grid_for(area, 10), ["vv"])["vv"].isel(time=0)
    seen = vv.to_numpy()[np.isfinite(vv)]
    assert seen.min() == pytest.approx(0.005, rel=1e-5)
    assert seen.max() == pytest.approx(0.1, rel=1e-5)


def test_nothing_there_is_an_empty_answer_not_an_error(api):
    """Another place has no granules."""
    assert StacSource(url=api).search(Area.from_bbox(50, 50, 51, 51), MARCH, ["vv"]) == []


def test_static_catalog_answers_as_the_api_does(api, scene, tmp_path):
    """The same items in a folder of JSON give the same granules."""
    catalog = pystac.Catalog("c", "c")
    collection = make_collection()
    catalog.add_child(collection)
    (tmp_path / "radar").mkdir()
    (tmp_path / "radar" / "vv.tif").write_bytes(scene.read_bytes())
    collection.add_items(_items(scene, str(tmp_path / "radar")))
    catalog.normalize_and_save(str(tmp_path), pystac.CatalogType.SELF_CONTAINED)
    area = Area.from_bbox(*lonlat_bounds(scene))
    source = StacSource(url=str(tmp_path / "catalog.json"))
    (granule,) = source.search(area, MARCH, ["vv"])
    (other,) = StacSource(url=api).search(area, MARCH, ["vv"])
    assert (granule.id, granule.acquired) == (other.id, other.acquired)
    assert granule.licence == other.licence == "CC-BY-4.0"
    cube = source.load([granule], grid_for(area, 10), ["vv"])
    assert float(cube["vv"].min()) == pytest.approx(0.005, rel=1e-5)


def test_dead_service_and_wrong_address_are_told_apart(tmp_path):
    """Nobody listening is unavailable; a page that is no catalog is the caller's mistake."""
    area = Area.from_bbox(10, 45, 11, 46)
    with pytest.raises(UnavailableError, match="could not be reached"):
        StacSource(url="http://127.0.0.1:9").search(area, MARCH, ["vv"])
    (tmp_path / "index.json").write_text('{"hello": "world"}', encoding="utf-8")
    with file_server(tmp_path) as url, pytest.raises(InputError, match="STAC catalog"):
        StacSource(url=f"{url}/index.json").search(area, MARCH, ["vv"])


def test_assets_pointing_elsewhere_are_refused(scene, tmp_path):
    """A catalog on the web cannot make us read a local file."""
    items = _items(scene, "file:///etc")
    with (
        stac_server(tmp_path, make_collection(), items) as url,
        pytest.raises(AccessError, match="only http, https and s3"),
    ):
        StacSource(url=url).search(Area.from_bbox(*lonlat_bounds(scene)), MARCH, ["vv"])


def test_profiles_choose_collections_by_variable():
    """A search for heights does not ask for every radar scene ever taken."""
    source = StacSource(profile="planetary-computer")
    assert {"vv", "elevation", "water_seasonality"} <= source.provides
    assert "vv" not in StacSource(profile="earth-search").provides


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("profile", "host", "least"),
    [
        ("planetary-computer", "planetarycomputer.microsoft.com", 100),
        ("earth-search", "earth-search.aws.element84.com", 20),
    ],
)
def test_recorded_items_of_real_services_are_understood(shared_data, profile, host, least):
    """Every item that the services once answered becomes a granule, without a further request."""
    folder = shared_data / "responses" / "extracted_responses" / host
    found = []
    for path in sorted(folder.glob("*.json")):
        answer = json.loads(path.read_text(encoding="utf-8"))
        for feature in answer.get("features", []) if isinstance(answer, dict) else []:
            item = pystac.Item.from_dict(feature, migrate=False)
            home = f"https://{host}/"
            found.append(
                as_granule(item, profile=PROFILES[profile], home=home, transport=Transport())
            )
    assert len(found) >= least
    optical = [g for g in found if g.collection == "sentinel-2-l2a"]
    assert optical
    assert all({"red", "nir08", "swir22", "scl"} <= set(g.assets) for g in optical)
    assert all(a.href.startswith(("https://", "s3://")) for g in found for a in g.assets.values())


def test_mistakes_are_named():
    """Unknown profile, unknown variable, no address."""
    with pytest.raises(InputError, match="profile 'x' is unknown"):
        StacSource(profile="x")
    with pytest.raises(InputError, match=r"unknown variables \['hh'\]"):
        StacSource(url="http://x", units={"hh": "1"})
    with pytest.raises(InputError, match="needs url"):
        StacSource()
