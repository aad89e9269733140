"""Tiles, vectors, files, areas, light pages and exports, through the whole server."""

import gzip
import hashlib
import io
import json
import re

import brotli
import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from reliefscope.products.catalog import find, publish
from reliefscope.products.facts import Facts
from reliefscope.products.index import remove
from reliefscope.products.sheet.raster import PALETTE
from reliefscope.serve.config import Serving
from reliefscope.serve.shelf import Shelf
from reliefscope.views.map import BUNDLE
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED, lonlat, make_product, pixels
from tests.serve.conftest import PLAIN, visiting

BLUE, NAVY = PALETTE[1][:3], PALETTE[3][:3]


def tile_of(geometry, zoom):
    """Return column and row of the tile that holds the middle of a geometry."""
    middle = geometry.centroid
    count = 2**zoom
    column = int((middle.x + 180) / 360 * count)
    turn = np.arcsinh(np.tan(np.radians(middle.y))) / np.pi
    return column, int((1 - turn) / 2 * count)


def picture(answer):
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image.convert("RGBA"))


def colours(image):
    """Return the colours of what is not clear."""
    return {tuple(int(v) for v in c[:3]) for c in image[image[..., 3] == 255].reshape(-1, 4)}


class TestTiles:
    def test_the_event_is_blue_and_what_was_not_seen_is_hatched(self, visitor):
        """Colours are those of the sheet; no event is clear, unseen ground is never blue."""
        x, y = tile_of(lonlat(pixels(20, 28, 0, 15)), 13)
        found = colours(picture(visitor.get(f"/tiles/{PLAIN}/state/13/{x}/{y}.webp")))
        assert {BLUE, NAVY} <= found
        unseen = lonlat(pixels(20, 21, 22, 23))
        x, y = tile_of(unseen, 17)
        hatched = picture(visitor.get(f"/tiles/{PLAIN}/state/17/{x}/{y}.webp"))
        assert colours(hatched) <= {PALETTE[6][:3], PALETTE[7][:3], PALETTE[5][:3]}
        assert BLUE not in colours(hatched)
        assert len(colours(hatched)) > 1

    def test_hatches_join_from_tile_to_tile(self, visitor):
        """The last column of one tile and the first of the next continue each other's lines."""
        x, y = tile_of(lonlat(pixels(20, 21, 17, 18)), 18)
        left, right = (
            picture(visitor.get(f"/tiles/{PLAIN}/state/18/{c}/{y}.webp")) for c in (x, x + 1)
        )
        assert np.array_equal(left[:, :8], right[:, :8])

    @pytest.mark.parametrize("layer", ["likelihood", "exclusion", "people"])
    def test_every_layer_is_drawn(self, visitor, layer):
        """Each raster of the package has tiles."""
        x, y = tile_of(lonlat(pixels(20, 28, 15, 20)), 13)
        image = picture(visitor.get(f"/tiles/{PLAIN}/{layer}/13/{x}/{y}.webp"))
        assert (image[..., 3] == 255).any()

    def test_where_nothing_is_a_blank_tile_says_so(self, visitor):
        """200 with a clear picture: an error would be asked for again and again."""
        assert not picture(visitor.get(f"/tiles/{PLAIN}/state/5/1/1.webp")).any()

    def test_what_the_visitor_has_is_not_sent_again(self, visitor):
        """An ETag answers 304, and the browser may keep the tile."""
        address = f"/tiles/{PLAIN}/state/5/1/1.webp"
        first = visitor.get(address)
        assert "max-age" in first.headers["cache-control"]
        again = visitor.get(address, headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""

    @pytest.mark.parametrize(
        "path", ["state/3/8/0", "state/3/0/8", "state/25/0/0", "state/-1/0/0", "secret/0/0/0"]
    )
    def test_what_there_is_not_is_not_found(self, visitor, path):
        """Places off the map and layers that are not published."""
        assert visitor.get(f"/tiles/{PLAIN}/{path}.webp").status_code == 404

    def test_one_class_comes_alone(self, visitor):
        """Of the event, tiles and the picture hold its colour and nothing else."""
        x, y = tile_of(lonlat(pixels(20, 28, 0, 15)), 13)
        for address in (f"/tiles/{PLAIN}/event/13/{x}/{y}.webp", f"/pictures/{PLAIN}/event.webp"):
            assert len(colours(picture(visitor.get(address)))) == 1, address

    def test_pictures_are_kept_by_the_browser(self, visitor):
        """A picture carries its mark; unknown layers and products are not found."""
        first = visitor.get(f"/pictures/{PLAIN}/excluded.webp")
        assert "max-age" in first.headers["cache-control"]
        mark = {"if-none-match": first.headers["etag"]}
        assert visitor.get(f"/pictures/{PLAIN}/excluded.webp", headers=mark).status_code == 304
        for address in (f"/pictures/{PLAIN}/secret.webp", "/pictures/nope/event.webp"):
            assert visitor.get(address).status_code == 404


class TestVectors:
    def test_outlines_are_those_of_the_page(self, visitor):
        """Coasts around, and a layer of the product, simplified, as GeoJSON that is kept."""
        for layer in ("surroundings", "administrativeA"):
            answer = visitor.get(f"/outlines/{PLAIN}/{layer}.geojson")
            assert answer.json()["type"] == "FeatureCollection"
            assert "max-age" in answer.headers["cache-control"]
            mark = {"if-none-match": answer.headers["etag"]}
            again = visitor.get(f"/outlines/{PLAIN}/{layer}.geojson", headers=mark)
            assert again.status_code == 304
        assert visitor.get(f"/outlines/{PLAIN}/nope.geojson").status_code == 404

    def test_a_layer_comes_as_geojson_and_as_tiles(self, visitor):
        """The same layer in both forms; a tile without anything is an empty one."""
        found = visitor.get(f"/vectors/{PLAIN}/observedEventA.geojson?simplify=0.0001").json()
        assert found["type"] == "FeatureCollection"
        assert found["features"]
        x, y = tile_of(lonlat(pixels(0, 48, 0, 10)), 11)
        tile = visitor.get(f"/vectors/{PLAIN}/observedEventA/11/{x}/{y}.mvt")
        assert b"observedEventA" in tile.content
        empty = visitor.get(f"/vectors/{PLAIN}/observedEventA/5/1/1.mvt")
        assert (empty.status_code, empty.content) == (200, b"")

    def test_what_there_is_not_is_not_found(self, visitor):
        """Unknown layers, and tolerances out of range, are refused."""
        assert visitor.get(f"/vectors/{PLAIN}/gpkg_contents.geojson").status_code == 404
        assert visitor.get(f"/vectors/{PLAIN}/nope/0/0/0.mvt").status_code == 404
        far = visitor.get(f"/vectors/{PLAIN}/observedEventA.geojson?simplify=nan")
        assert far.status_code == 422


class TestFiles:
    def test_files_are_those_that_were_published(self, visitor, catalog):
        """Byte for byte, as an attachment, and in parts."""
        folder = catalog / "flood" / "EMSR771" / PLAIN
        for name in ("sheet.en.pdf", "facts.json", "vectors.gpkg", "state.tif", "brief.en.html"):
            answer = visitor.get(f"/files/{PLAIN}/{name}")
            want = (folder / name).read_bytes()
            assert hashlib.sha256(answer.content).digest() == hashlib.sha256(want).digest()
            assert answer.headers["content-disposition"].startswith("attachment")
            assert "sandbox" in answer.headers["content-security-policy"]
        part = visitor.get(f"/files/{PLAIN}/state.tif", headers={"range": "bytes=4-7"})
        assert part.status_code == 206
        assert part.content == (folder / "state.tif").read_bytes()[4:8]

    def test_text_is_packed_and_known_again(self, visitor):
        """Brotli or gzip by what the visitor takes; the packed form has its own ETag."""
        plain = visitor.get(f"/files/{PLAIN}/facts.json", headers={"accept-encoding": "identity"})
        with visitor.stream(
            "GET", f"/files/{PLAIN}/facts.json", headers={"accept-encoding": "gzip, br"}
        ) as packed:
            raw = b"".join(packed.iter_raw())
        assert packed.headers["content-encoding"] == "br"
        assert brotli.decompress(raw) == plain.content
        assert len(raw) < len(plain.content) / 3
        again = visitor.get(
            f"/files/{PLAIN}/facts.json",
            headers={"accept-encoding": "br", "if-none-match": packed.headers["etag"]},
        )
        assert again.status_code == 304
        with visitor.stream(
            "GET", f"/files/{PLAIN}/facts.json", headers={"accept-encoding": "gzip, br;q=0"}
        ) as zipped:
            assert gzip.decompress(b"".join(zipped.iter_raw())) == plain.content


class TestAreas:
    def test_numbers_of_an_area_have_the_keys_of_the_facts(self, visitor):
        """A drawn polygon and an admin unit answer as the package does."""
        geometry = json.dumps(lonlat(pixels(10, 20, 5, 15)).__geo_interface__)
        found = Facts.from_json(visitor.post(f"/area/{PLAIN}", content=geometry).text)
        assert found["event_area_km2"].value == pytest.approx(0.5, rel=2e-3)
        assert found["exposed_population"].value > 0
        unit = Facts.from_json(visitor.post(f"/area/{PLAIN}", content=b'{"unit": "T01"}').text)
        assert unit.head["zone"] == "Nordhausen"

    def test_they_come_as_a_table_too(self, visitor):
        """One row per fact, with the product's name in each."""
        body = b'{"unit": "T01"}'
        answer = visitor.post(f"/area/{PLAIN}?format=csv", content=body)
        assert answer.headers["content-type"].startswith("text/csv")
        rows = answer.text.splitlines()
        assert rows[0].startswith("area,fact,value")
        assert all(PLAIN in row for row in rows[1:])


class TestLightPages:
    @pytest.mark.parametrize(
        ("lang", "heading", "direction"),
        [
            ("en", "Flood extent map", "ltr"),
            ("fr", "Carte", "ltr"),
            ("es", "Mapa", "ltr"),
            ("ar", "خريطة", "rtl"),
        ],
    )
    def test_a_page_tells_the_facts_in_the_readers_language(
        self, visitor, lang, heading, direction
    ):
        """Numbers with ranges, units, limits, files; small; no script; in either way to ask."""
        page = visitor.get(f"/lite/{PLAIN}?lang={lang}")
        by_header = visitor.get(f"/lite/{PLAIN}", headers={"accept-language": f"{lang}-XX,de;q=.5"})
        for text in (page.text, by_header.text):
            assert f'<html lang="{lang}" dir="{direction}">' in text
            assert heading in text
            assert "Nordhausen" in text
            assert "<script" not in text
        image = visitor.get(f"/lite/{PLAIN}/map.webp")
        assert len(page.content) + len(image.content) < 150_000
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]

    def test_numbers_are_those_of_the_facts(self, visitor, catalog):
        """What the page says of the event is what facts.json says."""
        path = catalog / "flood" / "EMSR771" / PLAIN / "facts.json"
        facts = Facts.from_json(path.read_text())
        page = visitor.get(f"/lite/{PLAIN}?lang=en").text
        for key in ("event_area_km2", "exposed_population", "population_cannot_tell"):
            assert f"<bdi>{facts.text(key)}</bdi>" in page

    @pytest.mark.parametrize(
        ("query", "hits"),
        [
            ("", 2),
            ("q=emsr771", 1),
            ("q=Kroatien", 0),
            ("q=plain", 1),
            ("hazard=fire", 0),
            ("hazard=flood&since=2024-09-15&until=2024-09-15", 2),
            ("since=2024-09-16", 0),
            ("since=rubbish", 2),
        ],
    )
    def test_products_are_found(self, visitor, query, hits):
        """By text, hazard and date; nonsense in a date is no filter."""
        page = visitor.get(f"/lite?lang=en&{query}").text
        assert len(re.findall('<h2><a href="/lite/', page)) == hits

    def test_products_are_found_by_country_in_both_languages(self, visitor):
        """The country that the area lies in, by its name in the reader's language, and by code."""
        for lang, name in (("fr", "Croatie"), ("en", "Croatia"), ("es", "HRV"), ("en", "zzz")):
            page = visitor.get("/lite", params={"lang": lang, "q": name}).text
            assert ("<h2><a" in page) is (name != "zzz"), name

    @pytest.mark.parametrize(
        ("headers", "path", "target"),
        [
            ({}, "/", "/briefing"),
            ({"save-data": "on"}, "/", "/lite"),
            ({"ect": "2g"}, "/", "/lite"),
            ({"ect": "4g"}, "/", "/briefing"),
            ({}, "/?lite=1&lang=ar", "/lite?lang=ar"),
            ({"save-data": "on"}, f"/briefing?product={PLAIN}", f"/lite/{PLAIN}"),
        ],
    )
    def test_slow_links_get_the_light_page(self, visitor, headers, path, target):
        """By what the browser says of its link, or by the address."""
        answer = visitor.get(path, headers=headers)
        assert answer.status_code == 303
        assert answer.headers["location"] == target

    def test_an_empty_catalog_says_what_to_do(self, tmp_path):
        """Nothing published is a state of its own, with a next step."""

        with visiting(Serving(catalog=tmp_path / "none", cache=tmp_path)) as client:
            assert "reliefscope exercise flood" in client.get("/lite?lang=en").text


class TestExport:
    def test_the_file_stands_alone(self, visitor):
        """No address of anywhere in it, pictures inside, a policy that lets nothing be loaded."""
        page = visitor.get(f"/export/{PLAIN}.html?lang=ar")
        assert page.headers["content-disposition"].startswith("attachment")
        sources = re.findall(r'(?:src|href)="([^"]*)"', page.text)
        assert all(s.startswith(("data:image/webp;base64,", "#")) for s in sources)
        assert len([s for s in sources if s.startswith("data:")]) == 2
        assert "default-src 'none'; img-src data:" in page.text
        assert "Nordhausen" in page.text
        assert len(page.content) < 700_000


def test_a_new_product_is_shown_at_once(tmp_path, monkeypatch):
    """What is published while the server runs is there, and what is removed is gone."""

    draw_bare(monkeypatch)
    shelf = Shelf(tmp_path)
    assert shelf.all() == []
    publish(make_product(), tmp_path, released=RELEASED)
    assert [s.product_id for s in shelf.all()] == [PLAIN]
    remove(tmp_path, find(tmp_path))
    assert shelf.get(PLAIN) is None


def test_every_answer_carries_its_guards(visitor):
    """Type sniffing, framing, referrers and policies are settled on every kind of answer."""
    paths = ("/", "/lite", f"/lite/{PLAIN}", "/healthz", "/nope", "/briefing", "/favicon.ico",
             f"/files/{PLAIN}/state.tif", f"/tiles/{PLAIN}/state/0/0/0.webp")  # fmt: skip
    for path in paths:
        headers = visitor.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["content-security-policy"], path
        assert headers["cache-control"], path


def test_a_dashboard_carries_scripts_of_its_own_only(visitor):
    """Each script of the page has the page's number; no other host is named; no inline freedom."""
    page = visitor.get("/briefing")
    policy = page.headers["content-security-policy"]
    nonce = re.search("'nonce-([^']+)'", policy).group(1)
    scripts = re.findall("<script[^>]*>", page.text)
    assert scripts
    assert all(f'nonce="{nonce}"' in s for s in scripts)
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert "https://" not in policy
    hosts = re.findall(r'(?:src|href)="(?:https?:)?//([^/"]+)', page.text)
    assert hosts == []
    other = visitor.get("/briefing").headers["content-security-policy"]
    assert nonce not in other


def test_scripts_are_kept_by_the_browser(visitor):
    """What carries its version in its address is never asked for again; the rest is asked after."""
    versioned = visitor.get("/static/js/bokeh.min.js?v=1")
    assert "immutable" in versioned.headers["cache-control"]
    plain = visitor.get("/static/js/bokeh.min.js")
    assert plain.headers["cache-control"] == "private, no-cache"
    bundle = "/components/reliefscope.views.map/Map/_bundle_path/bundle.js"
    assert visitor.get(bundle).content == BUNDLE.read_bytes()
    for address in ("/static/js/bokeh.min.js", bundle):
        mark = {"if-none-match": visitor.get(address).headers["etag"]}
        again = visitor.get(address, headers=mark)
        assert (again.status_code, again.content) == (304, b"")


def test_the_first_answer_of_the_briefing_has_facts_and_pictures(visitor, catalog):
    """Before any script: the numbers, the map's pictures by address, and nothing packed inside."""
    told = visitor.get(f"/briefing?product={PLAIN}").text
    first = told[told.index('id="first"') : told.index("<script")]
    facts = catalog / "flood" / "EMSR771" / PLAIN / "facts.json"
    stated = Facts.from_json(facts.read_text(encoding="utf-8"))
    assert stated.text("event_area_km2") in Markup(first).striptags()  # noqa: S704 - our own page
    assert f'href="/pictures/{PLAIN}/event.webp"' in first
    assert "data:image" not in first
    assert "bokeh-gl" not in told
