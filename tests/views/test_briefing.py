import asyncio
import csv
import datetime as dt
import io
import json
import shutil
import threading

import pytest
import shapely
from markupsafe import Markup

from reliefscope.errors import InputError
from reliefscope.model.event import Hazard
from reliefscope.products import onscreen
from reliefscope.products.exposure import OUTSIDE
from reliefscope.products.facts import Facts
from reliefscope.views import away, shared, store, telling
from reliefscope.views.briefing import Briefing
from reliefscope.views.state import from_query
from reliefscope.views.store import Routes
from reliefscope.views.wording import fact_name
from reliefscope.words import words_in

NOW = dt.datetime(2030, 5, 3, tzinfo=dt.UTC)


@pytest.fixture
def copied(exercise_catalog, tmp_path):
    """A catalog of one's own to spoil, and the folder of its package."""
    shutil.copytree(exercise_catalog, tmp_path / "catalog")
    return tmp_path / "catalog", next((tmp_path / "catalog").glob("flood/*/*/item.json")).parent


@pytest.fixture
def view(exercise_catalog):
    return Briefing(exercise_catalog, clock=lambda: NOW)


def _act(view, act, **message):
    view.page._handle_msg({"act": act, **message})


def _folder(view):
    return next(c.entry.folder for c in view._cards if c.entry.product_id == view.state.product)


def test_first_screen_has_facts_marks_map_and_table(view):
    """Numbers of facts.json, the EXERCISE mark, the layers and the table of districts are there."""
    stated = Facts.from_json((_folder(view) / "facts.json").read_text())
    regions, ids = view.page.regions, {layer["id"] for layer in view.page.layers}
    assert "EXERCISE" in regions["marks"]
    shown = Markup(regions["facts"]).striptags()  # noqa: S704 - our own page
    for key in ("event_area_km2", "exposed_population", "observed_fraction"):
        assert stated.text(key) in shown, key
    assert {"event", "excluded", "administrativeA"} <= ids
    assert "<table>" in regions["worst"]
    assert regions["list"].count('data-act="choose"') == 1


def test_weather_data_see_nobody():
    """Where no image was used, the numbers are of data; a flood seen by radar stays as it is."""
    for key in ("exposed_population", "excluded_fraction", "image_acquired"):
        seen, told = (
            fact_name(key, Hazard.DROUGHT, words_in("en"), weather=w) for w in (False, True)
        )
        assert told != seen
        assert "data" in told
    assert fact_name("population_total", Hazard.DROUGHT, words_in("en"), weather=True) == (
        fact_name("population_total", Hazard.DROUGHT, words_in("en"))
    )


def test_nothing_is_swiped_without_images(view, monkeypatch):
    """The event lies to the right of the divider only where a picture of the ground has it."""
    folder = _folder(view)
    layers = {x.id: x for x in store.layers(folder, Hazard.FLOOD, words_in("en"), Routes())}
    assert layers["event"].side == "right"
    there = [n for n in onscreen.raster_names(folder) if n not in onscreen.PHOTOGRAPHS]
    monkeypatch.setattr(onscreen, "raster_names", lambda _: tuple(there))
    layers = {x.id: x for x in store.layers(folder, Hazard.FLOOD, words_in("en"), Routes())}
    assert layers["event"].side == ""


def test_what_no_unit_covers_is_no_district():
    """It is not offered as one, nor chosen where none is; the rest is in the order of the sheet."""
    rows = [
        {"name": name, "pcode": code, "level": 2, "event_km2": km2, "exposed": people,
         "exposed_low": people / 2, "exposed_high": people, "cannot_tell": 0.0}
        for name, code, km2, people in (
            (OUTSIDE, "", 9.0, 900.0), ("Wide", "W", 5.0, 10.0), ("Full", "F", 0.0002, 400.0),
        )
    ]  # fmt: skip
    stated = Facts({}, tuple(rows), {})
    shown = telling.worst(stated, "", words_in("fr"))
    assert OUTSIDE not in shown
    assert 'aria-pressed="true"' not in shown
    assert shown.index("Full") < shown.index("Wide")
    assert "<0,001" in shown.striptags()
    assert "200 à 400" in shown.striptags()
    assert [r["name"] for r in stated.units] == ["Wide", "Full"]


@pytest.mark.parametrize(
    ("passed", "draft"), [(None, ()), (True, ()), (False, ("negative control",))]
)
def test_a_check_that_does_not_apply_makes_no_draft(copied, passed, draft):
    """A drought has no histogram to be bimodal: only what failed is called so."""
    file = copied[1] / "provenance.json"
    said = json.loads(file.read_text())
    said["qa"] = [{"name": "negative control", "passed": passed}]
    file.write_text(json.dumps(said))
    assert store.record(copied[1]).draft == draft


def test_what_was_not_seen_is_hatched_and_never_a_colour(view):
    """Excluded and unobserved ground carry patterns of their own; "no event" is not painted."""
    layers = {layer["id"]: layer for layer in view.page.layers}
    assert layers["excluded"]["pattern"] == "sparse"
    assert "pattern" not in layers["event"]
    if "not_observed" in layers:
        assert layers["not_observed"]["pattern"] == "dense"


def test_number_leads_to_its_images(view):
    """ "?" opens the chain to method, file with checksum, and granules."""
    _act(view, "explain", arg="event_area_km2")
    chain = view.page.regions["chain"]
    record = json.loads((_folder(view) / "provenance.json").read_text())
    assert "state.tif" in chain
    assert "SHA-256" in chain
    assert record["granules"]["after"][0]["id"] in chain


def test_district_gives_numbers_and_a_table_to_keep(view, monkeypatch):
    """The chosen district's numbers are those of facts.json, on the page and in the CSV."""
    stated = json.loads((_folder(view) / "facts.json").read_text())
    unit = stated["admin"][0]
    kept = []
    monkeypatch.setattr(view.page, "hand_over", lambda *given: kept.append(given))
    _act(view, "pick", value=unit["pcode"])
    _act(view, "csv")
    assert unit["name"] in view.page.regions["area"]
    rows = list(csv.DictReader(io.StringIO(kept[0][1].decode("utf-8-sig"))))
    told = {r["fact"]: float(r["value"]) for r in rows}
    assert told["event_area_km2"] == pytest.approx(unit["event_km2"])
    assert rows[0]["exercise"] == "yes"


def test_drawn_area_is_counted_by_what_is_given(exercise_catalog):
    """The geometry that was drawn reaches the counter, and its numbers the page."""
    asked = []

    def zone(folder, geometry):
        asked.append((folder, geometry))
        stated = Facts.from_json((folder / "facts.json").read_text())
        return Facts({"area_km2": stated["area_km2"]}, (), stated.head)

    view = Briefing(exercise_catalog, zone=zone)
    _act(view, "typed", values={"box": "-39.01, 37.995, -38.99, 38.005"})
    assert asked[0][1].equals(shapely.box(-39.01, 37.995, -38.99, 38.005))
    assert "km²" in view.page.regions["area"]
    assert view.page.drawn["type"] == "Polygon"


@pytest.mark.parametrize("typed", ["", "1,2,3", "a,b,c,d", "-300,0,1,1", "nan,0,1,1", "0,0,1,inf"])
def test_wrong_coordinates_are_answered_with_a_sentence(view, typed):
    _act(view, "typed", values={"box": typed})
    assert view.state.area == ()
    assert view.page.regions["status"]


def test_share_link_restores_the_same_page(view, exercise_catalog):
    """Language, theme, layers, opacity, swipe, place and the origin asked for come back."""
    _act(view, "language", value="fr")
    _act(view, "theme")
    _act(view, "explain", arg="event_area_km2")
    _act(view, "see", arg="likelihood", value=True)
    _act(view, "opacity", arg="likelihood", value="40")
    view.page.view = {"lon": -39.001, "lat": 38.002, "zoom": 13.5}
    view.page.swipe = 0.25
    address = view.page.regions["share"].split('value="')[1].split('"')[0].replace("&amp;", "&")
    again = Briefing(exercise_catalog, query=address, clock=lambda: NOW)
    assert again.state == view.state
    assert again.page.view == view.page.view
    for region in ("facts", "chain", "layers", "worst", "head"):
        assert again.page.regions[region] == view.page.regions[region], region


def test_every_language_fills_every_region(exercise_catalog):
    """No region is empty in any language, and Arabic turns the page around."""
    for lang in ("en", "fr", "es", "ar"):
        view = Briefing(exercise_catalog, query=f"lang={lang}", clock=lambda: NOW)
        assert view.page.dress["dir"] == ("rtl" if lang == "ar" else "ltr")
        for region in ("facts", "layers", "worst", "files", "area_form", "changed"):
            assert view.page.regions[region], (lang, region)


def test_search_narrows_the_list_and_says_how_many(view):
    _act(view, "search", values={"text": "nowhere", "hazard": "", "since": ""})
    assert 'data-act="choose"' not in view.page.regions["list"]
    assert "0 " in view.page.regions["status"]
    _act(view, "search", values={"text": "country EXERCISE", "hazard": "flood", "since": ""})
    assert 'data-act="choose"' in view.page.regions["list"]


def test_empty_catalog_says_what_to_do(tmp_path):
    """No products is a state of its own, with a next step."""
    assert "reliefscope exercise flood" in Briefing(tmp_path).page.layout


def test_damaged_package_is_told_and_the_page_stands(copied):
    """A package that cannot be read leaves a list, and says what to do with it."""
    catalog, folder = copied
    (folder / "facts.json").write_text("{")
    view = Briefing(catalog)
    assert "facts.json" in view.page.regions["status"]
    assert 'data-act="choose"' in view.page.regions["list"]


def test_title_of_an_event_is_text(copied):
    """A title with markup is shown as it is written, and runs nothing."""
    catalog, folder = copied
    path = folder / "provenance.json"
    record = json.loads(path.read_text())
    record["event"]["title"] = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    path.write_text(json.dumps(record))
    view = Briefing(catalog)
    told = view.page.layout + "".join(view.page.regions.values())
    assert "<script>" not in told
    assert "<img" not in told
    assert "&lt;script&gt;" in view.page.regions["head"]


@pytest.mark.parametrize(
    "name", ["../facts.json", "/etc/passwd", "..", "", "item.json\x00", "SHA256SUMS/.."]
)
def test_only_files_of_the_package_are_handed_over(view, name, monkeypatch):
    kept = []
    monkeypatch.setattr(view.page, "hand_over", lambda *given: kept.append(given))
    _act(view, "file", arg=name)
    assert kept == []
    _act(view, "file", arg="facts.json")
    assert kept[0][0] == "facts.json"


@pytest.mark.parametrize(
    "message",
    [None, [], "x", {}, {"act": 7}, {"act": "__init__"}, {"act": "explain", "arg": {"a": 1}},
     {"act": "choose", "arg": "../../x"}, {"act": "time", "value": 3}],
)  # fmt: skip
def test_messages_of_nobody_change_nothing(view, message):
    """What a browser of ours would not send is ignored or answered with a sentence."""
    before = view.state
    view.page._handle_msg(message)
    assert view.state == before


def test_old_image_is_called_old(copied):
    """An image of more than three days ago raises a mark; the exercise does not pretend to age."""
    catalog, folder = copied
    path = folder / "provenance.json"
    path.write_text(path.read_text().replace('"exercise": true', '"exercise": false'))
    late = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
    assert "29 days" in Briefing(catalog, clock=lambda: late).page.regions["marks"]


def test_later_pass_is_told_beside_the_first_and_slides(copied):
    """Two products of one event: what changed, a slider between them, and a player that steps."""
    catalog, folder = copied
    later = folder.parent / folder.name.replace("PRODUCT", "MONIT01")
    shutil.copytree(folder, later)
    item = json.loads((later / "item.json").read_text())
    item["id"], item["properties"]["datetime"] = later.name, "2030-05-14T08:36:12Z"
    (later / "item.json").write_text(json.dumps(item))
    view = Briefing(catalog, clock=lambda: NOW)
    assert view.state.product == later.name
    assert folder.name in view.page.regions["changed"]
    assert 'id="time"' in view.page.regions["time"]
    _act(view, "time", value="0")
    assert view.state.product == folder.name
    _act(view, "step")
    assert view.state.product == later.name


def test_unknown_parts_of_a_link_are_named():
    state, refused = from_query("lang=xx&at=1,2&product=../..&layers=a:9&swipe=300&utm_source=m")
    assert set(refused) == {"lang", "at", "product", "layers", "swipe"}
    assert state == from_query("")[0]


def test_handler_errors_are_sentences(view):
    with pytest.raises(InputError):
        view._on_choose("nothing", {})


def test_many_outlines_come_as_tiles(exercise_catalog, monkeypatch):
    """Above so many features a served page asks for vector tiles; below, for one GeoJSON."""
    routes = Routes(outlines="/outlines/", vectors="/vectors/")
    few = {x["id"]: x for x in Briefing(exercise_catalog, routes=routes).page.layers}
    assert few["administrativeA"]["vectors"].endswith("/administrativeA.geojson")
    monkeypatch.setattr(store, "MANY", 0)
    routes = Routes(outlines="/outlines/", vectors="/more/")  # markup is kept by address
    many = {x["id"]: x for x in Briefing(exercise_catalog, routes=routes).page.layers}
    assert many["administrativeA"]["vector_tiles"].endswith("/administrativeA/{z}/{x}/{y}.mvt")
    assert "vectors" not in many["administrativeA"]


def test_the_first_visitor_finds_it_made(exercise_catalog, monkeypatch):
    """What was made beforehand is shown, pictures included, without another look at a raster."""
    routes = Routes(tiles="/t/", pictures="/p/", outlines="/o/", vectors="/v/")
    shared.warm(exercise_catalog, routes)

    def refuse(*_args, **_options):
        raise AssertionError("a raster was opened")

    monkeypatch.setattr(onscreen.rasterio, "open", refuse)
    view = Briefing(exercise_catalog, routes=routes, clock=lambda: NOW)
    shown = [x["id"] for x in view.page.layers if x.get("image") and x["visible"]]
    assert {"event", "excluded", "after"} <= set(shown)
    assert all(onscreen.layer_picture(_folder(view), name).data for name in shown)


def test_counting_leaves_the_loop_free(exercise_catalog):
    """Where a loop runs, areas are counted in another thread, and the numbers come afterwards."""
    threads = []

    def zone(folder, geometry):
        assert geometry.area > 0
        threads.append(threading.current_thread())
        stated = Facts.from_json((folder / "facts.json").read_text())
        return Facts({"area_km2": stated["area_km2"]}, (), stated.head)

    async def draw():
        view = Briefing(exercise_catalog, zone=zone)
        _act(view, "typed", values={"box": "-39.01, 37.995, -38.99, 38.005"})
        assert "area" not in view.page.regions
        await asyncio.gather(*away.running())
        return view

    view = asyncio.run(draw())
    assert 'data-act="csv"' in view.page.regions["area"]
    assert threads[0] is not threading.main_thread()
