"""The map alone, on a page of plain HTML: no Panel, no server behind it."""

import json

import pytest

from reliefscope.views.map import BUNDLE, map_words

pytestmark = pytest.mark.browser

_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAF"
    "BQIAX8jx0gAAAABJRU5ErkJggg=="
)


def _start(chromium, state):
    """Return a page with one map, and what it reports in `window.told`."""
    page = chromium.new_page(viewport={"width": 800, "height": 600})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    bundle = BUNDLE.read_text(encoding="utf-8")
    page.route(
        "http://map.test/**",
        lambda route: route.fulfill(
            body=bundle
            if route.request.url.endswith(".js")
            else "<!doctype html><div id=m style='width:800px;height:600px'></div>",
            content_type="text/javascript" if route.request.url.endswith(".js") else "text/html",
        ),
    )
    page.goto("http://map.test/")
    page.evaluate(
        """async state => {
          const { mount } = await import("/bundle.js");
          window.told = [];
          window.map = mount(document.querySelector("#m"), state, (n, v) => {
            window.told.push([n, v]);
            if (n === "mode" || n === "drawn") window.map.update(n, v);
          });
        }""",
        {"words": map_words(), "fit": [9, 44, 11, 46], **state},
    )
    page.wait_for_selector(".rs-map[data-drawn=yes]")
    return page, errors


def _last(page, name):
    told = [v for n, v in page.evaluate("window.told") if n == name]
    return told[-1] if told else None


_LAYERS = [
    {"id": "a", "image": _PIXEL, "extent": [9, 44, 11, 46], "side": "left", "order": 1},
    {"id": "b", "image": _PIXEL, "extent": [9, 44, 11, 46], "side": "right", "order": 2,
     "pattern": "sparse"},
    {"id": "c", "vectors": {"type": "Feature", "properties": {"name": "X"}, "geometry": {
        "type": "Polygon", "coordinates": [[[9.8, 44.8], [10.2, 44.8], [10.2, 45.2],
                                            [9.8, 45.2], [9.8, 44.8]]]}},
     "style": {"stroke": "#000", "fill": "rgba(0,0,0,0.2)"}, "order": 3},
]  # fmt: skip


def test_keys_move_zoom_and_swipe(chromium):
    """Arrow keys, plus and the slider do what the mouse does, and tell it."""
    page, errors = _start(chromium, {"layers": _LAYERS, "swipe": 0.5})
    page.locator(".rs-target").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("window.told.some(([n, v]) => n === 'view' && v.lon > 10.01)")
    zoom = _last(page, "view")["zoom"]
    page.keyboard.press("+")
    page.wait_for_function(f"window.told.some(([n, v]) => n === 'view' && v.zoom > {zoom})")
    page.locator("input[type=range]").focus()
    page.keyboard.press("End")
    page.wait_for_function("window.told.some(([n, v]) => n === 'swipe' && v === 1)")
    assert errors == []
    page.close()


def test_clicks_and_drawings_are_told(chromium):
    """A click tells the feature under it; a drawn box and its changes come as GeoJSON."""
    page, errors = _start(chromium, {"layers": _LAYERS, "swipe": -1})
    page.mouse.click(400, 300)
    page.wait_for_function("window.told.some(([n]) => n === 'clicked')")
    assert _last(page, "clicked")["layer"] == "c"
    assert _last(page, "clicked")["properties"]["name"] == "X"
    page.evaluate("window.map.update('mode', 'box')")
    page.mouse.click(300, 200)
    page.mouse.move(450, 350)
    page.mouse.click(500, 400)
    page.wait_for_function("window.told.some(([n]) => n === 'drawn')")
    first = _last(page, "drawn")
    ring = first["coordinates"][0]
    assert (first["type"], len(ring)) == ("Polygon", 5)
    assert 9 < min(x for x, _ in ring) < max(x for x, _ in ring) < 11
    page.mouse.move(500, 400)
    page.mouse.down()
    page.mouse.move(540, 440, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "old => JSON.stringify(window.told.filter(([n]) => n === 'drawn').at(-1)[1]) !== old",
        arg=json.dumps(first, separators=(",", ":")),
    )
    page.evaluate("window.map.update('mode', 'polygon')")
    page.locator(".rs-target").focus()
    page.keyboard.press("Escape")
    page.wait_for_function("window.told.at(-1)[0] === 'mode' && window.told.at(-1)[1] === ''")
    assert errors == []
    page.close()


def test_swipe_shows_each_side_where_it_belongs(chromium):
    """Left of the divider the one layer, right of it the other."""
    plain = [{**layer, "pattern": ""} for layer in _LAYERS[:2]]
    plain[0]["opacity"] = 1
    page, _ = _start(chromium, {"layers": plain[:1], "swipe": 0.5, "graticule": False})
    left, right = _colour(page, 250, 300), _colour(page, 550, 300)
    assert left != right
    page.evaluate("window.map.update('swipe', 0.9)")
    for _ in range(600):
        if _colour(page, 550, 300) == left:
            break
        page.wait_for_timeout(50)
    assert _colour(page, 550, 300) == left
    page.close()


def test_tiles_take_over_where_the_picture_is_too_coarse(chromium):
    """From afar only the picture is asked for; closer than its zoom, only tiles."""
    near = [{"id": "a", "image": _PIXEL, "tiles": "http://map.test/{z}/{x}/{y}.webp",
             "fine_from": 12, "extent": [9, 44, 11, 46], "order": 1}]  # fmt: skip
    page, errors = _start(chromium, {"layers": near, "swipe": -1})
    asked = []
    page.on("request", lambda r: asked.append(r.url))
    page.evaluate("window.map.update('view', {lon: 10, lat: 45, zoom: 11})")
    page.evaluate("new Promise((done) => window.map.olMap.once('rendercomplete', done))")
    assert not [a for a in asked if a.endswith(".webp")]
    with page.expect_request("**/*.webp"):
        page.evaluate("window.map.update('view', {lon: 10, lat: 45, zoom: 13})")
    visible = "window.map.olMap.getAllLayers().filter((l) => l.get('given')?.id === 'a').length"
    assert page.evaluate(visible) == 2
    assert errors == []
    page.close()


def _colour(page, x, y):
    """Return the bytes of one pixel of the screen."""
    return page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
