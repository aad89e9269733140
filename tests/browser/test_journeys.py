"""What people do with the pages, in a real browser."""

import csv
import io
import json
import re
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe

from reliefscope.products.facts import Facts
from tests.browser.conftest import drawn, serving_catalog

pytestmark = pytest.mark.browser


def _told(catalog, hazard):
    path = next(catalog.glob(f"{hazard}/*/*/facts.json"))
    return Facts.from_json(path.read_text(encoding="utf-8"))


def test_first_journey(open_page, catalog, keep_picture):
    """Find the flood, read the numbers, swipe, draw, keep the CSV; the link shows the same."""
    page = open_page("briefing")
    drawn(page)
    page.get_by_label("Country, place or title").fill("flood")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_text("1 product found.").wait_for()
    page.get_by_role("button", name=re.compile("flood in a country")).click()
    page.get_by_role("heading", name=re.compile("EXERCISE: flood")).wait_for()
    stated = _told(catalog, "flood")
    page.get_by_text(stated.text("event_area_km2")).first.wait_for()
    assert page.get_by_text(stated.text("exposed_population")).first.is_visible()

    slider = page.get_by_role("slider", name="Divider between before and after")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")
    page.wait_for_function("document.location.search.includes('swipe=45')")

    box = page.locator(".rs-map").bounding_box()
    page.get_by_role("button", name="Draw a box").click()
    page.get_by_text("Draw on the map; Escape stops.").wait_for()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(middle[0] - 90, middle[1] - 90)
    page.mouse.move(middle[0] + 20, middle[1] + 20)
    page.mouse.click(middle[0] + 60, middle[1] + 60)
    page.wait_for_function("document.location.search.includes('area=')")
    page.get_by_role("button", name="Save as CSV").wait_for()
    with page.expect_download() as kept:
        page.get_by_role("button", name="Save as CSV").click()
    rows = list(csv.DictReader(io.StringIO(kept.value.path().read_text("utf-8-sig"))))
    area = {r["fact"]: float(r["value"]) for r in rows if r["fact"].endswith("km2")}
    assert 0 < area["area_km2"] < float(stated["area_km2"].value)
    keep_picture(page, "briefing")

    again = open_page(page.get_by_label("Link to what you see").input_value())
    drawn(again)
    again.get_by_role("button", name="Save as CSV").wait_for()
    for region in ("facts", "area", "layers", "head", "worst"):
        selector = f'[data-region="{region}"]'
        assert again.locator(selector).inner_text() == page.locator(selector).inner_text()
    assert again.get_by_role("slider", name="Divider").input_value() == "45"

    with again.expect_download() as pdf:
        again.get_by_role("link", name="Map as PDF").click()
    published = next(catalog.glob("flood/*/*/sheet.en.pdf"))
    assert pdf.value.path().read_bytes() == published.read_bytes()


def test_first_journey_by_keyboard(open_page):
    """Nothing but keys: skip link, search, product, origin of a number, area, link."""
    page = open_page("briefing", size=(900, 600))  # each key waits for what it paints
    drawn(page)
    page.keyboard.press("Tab")
    assert page.evaluate(_FOCUSED)["text"] == "Skip to the content"
    _tab_to(page, "input#text")
    page.keyboard.type("flood")
    page.keyboard.press("Enter")
    page.get_by_text("1 product found.").wait_for()
    _tab_to(page, "[data-act=choose]")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile("EXERCISE: flood")).wait_for()
    drawn(page)
    _tab_to(page, ".rs-target")
    before = page.evaluate("document.location.search")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("old => document.location.search !== old", arg=before)
    _tab_to(page, "[data-act=explain]")
    page.keyboard.press("Enter")
    page.get_by_text("SHA-256").first.wait_for()
    assert page.evaluate(_FOCUSED)["act"] == "explain"
    _tab_to(page, "input#box")
    page.keyboard.type("-39.01, 37.995, -38.99, 38.005")
    page.keyboard.press("Enter")
    page.wait_for_function("document.location.search.includes('area=')")
    _tab_to(page, "#copy")
    page.keyboard.press("Enter")
    page.get_by_text("The link is copied").wait_for()


_FOCUSED = """() => {
  let e = document.activeElement;
  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  return {text: e?.textContent?.trim(), act: e?.dataset?.act,
          outline: e ? getComputedStyle(e).outlineStyle : ""};
}"""
_IS_FOCUSED = """wanted => {
  let e = document.activeElement;
  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  return Boolean(e?.matches(wanted));
}"""


def _tab_to(page, wanted):
    """Press Tab until ``wanted`` has the focus, and see that the focus shows."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(_IS_FOCUSED, wanted):
            assert page.evaluate(_FOCUSED)["outline"] != "none", wanted
            return
    pytest.fail(f"no number of tabs leads to {wanted}")


def _violations(page):
    """Return what axe-core finds, in one line each."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {n['target']} {n['html'][:160]}" for v in found for n in v["nodes"]]


def test_briefing_in_every_language_and_both_themes(open_page, pictures):
    """axe-core finds nothing; language and direction are the document's own."""
    page = open_page("briefing?fact=event_area_km2")
    drawn(page)
    states = [("en", "light"), ("fr", "light"), ("fr", "dark"), ("es", "dark"), ("ar", "dark"),
              ("ar", "light")]  # fmt: skip
    now = states[0]
    for lang, theme in states:
        if lang != now[0]:
            page.locator("[data-act=language]").select_option(lang)
        if theme != now[1]:
            page.locator("[data-act=theme]").click()
        _shows(page, lang, theme)
        now = lang, theme
        assert page.evaluate("document.documentElement.dir") == ("rtl" if lang == "ar" else "ltr")
        page.screenshot(path=pictures / f"briefing-{lang}-{theme}.png")
        assert _violations(page) == [], (lang, theme)


def _shows(page, lang, theme):
    """Wait until all of the page is in a language and theme: the link to share it comes last."""
    language = ":not([value*='lang='])" if lang == "en" else f"[value*='lang={lang}']"
    colours = "[value*='theme=dark']" if theme == "dark" else ":not([value*='theme='])"
    page.locator(f"#link{language}{colours}").wait_for()
    page.wait_for_function(
        "([lang, theme]) => document.documentElement.lang === lang && "
        "document.documentElement.dataset.theme === theme",
        arg=[lang, theme],
    )


def test_facts_and_map_are_there_before_any_script(open_page, catalog):
    """Without scripts the briefing tells its numbers, and its pictures of the map arrive."""
    page = open_page("briefing", java_script_enabled=False)
    stated = _told(catalog, "flood")
    page.get_by_role("heading", name=re.compile("EXERCISE: flood")).wait_for()
    assert page.get_by_text(stated.text("exposed_population")).first.is_visible()
    pictures = page.locator("svg.rs-still image")
    addresses = [p.get_attribute("href") for p in pictures.all()]
    assert {a.rpartition("/")[2] for a in addresses} >= {"event.webp", "excluded.webp"}
    answers = [page.request.get(f"http://{page.url.split('/')[2]}{a}") for a in addresses]
    assert [(a.status, a.headers["content-type"]) for a in answers] == [(200, "image/webp")] * len(
        addresses
    )


def test_what_is_done_before_the_page_is_live_is_done_then(chromium, site):
    """A click and a typed word are not lost while the scripts are still under way."""
    page = chromium.new_page()
    page.set_default_timeout(180_000)
    held = []

    def hold(route):
        held.append(route)

    page.route("**/bundle.js", hold)
    page.goto(f"{site}/briefing", wait_until="commit")
    while not held:  # the map's script is asked for, and waits
        page.wait_for_timeout(50)
    page.locator("#first #text").fill("flood")
    page.locator("#first #theme").click()
    held[0].continue_()
    drawn(page)
    page.locator("#link[value*='theme=dark']").wait_for()
    assert page.locator("#text").input_value() == "flood"
    page.close()


@pytest.mark.parametrize(("app", "theme"), [("explorer", "light"), ("climate", "dark")])
def test_other_apps_are_accessible(open_page, pictures, app, theme):
    """axe-core finds nothing on the other pages either."""
    page = open_page(f"{app}?lang=ar&theme={theme}")
    page.get_by_role("heading", level=1).wait_for()
    page.screenshot(path=pictures / f"{app}-ar-{theme}.png", full_page=True)
    assert _violations(page) == []


def test_pages_run_as_scripts(scripts_site, open_page):
    """`panel serve dashboards/*.py` shows the same page, with its map."""
    page = open_page(f"{scripts_site}/briefing")
    drawn(page)
    assert page.get_by_role("heading", level=1).is_visible()


def test_phone_and_large_letters(open_page, pictures):
    """At the width of a phone nothing runs out of the page, and the map comes before the list."""
    page = open_page("briefing", size=(390, 844))
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=pictures / "briefing-phone.png", full_page=True)
    title = page.get_by_role("heading", level=1).bounding_box()["y"]
    assert title < page.get_by_role("heading", name="Disasters").bounding_box()["y"]


def test_analyst_runs_compares_and_publishes(own_site, open_page, keep_picture):
    """Exercise, images, run, another threshold, accuracy, publish; a second session sees it."""
    address, _ = own_site
    page = open_page(f"{address}/explorer")
    page.get_by_role("button", name="Flood", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).wait_for()
    assert page.get_by_text("EXERCISE_S1A").count() >= 2
    assert "EXERCISE: simulated data" in page.locator('[data-region="marks"]').inner_text()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#look").select_option("vv_db")
    page.get_by_text(re.compile(r"^Threshold: -\d+\.\d dB")).wait_for()
    page.get_by_role("button", name="Compare with the truth").click()
    page.get_by_text("Precision").wait_for()
    keep_picture(page, "explorer", at=".mapbox")
    page.locator("#in_core").fill("75")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("columnheader", name="Run before").wait_for()
    page.get_by_role("button", name="Publish", exact=True).click()
    link = page.get_by_role("link", name="Open it in the briefing")
    link.wait_for()
    second = open_page(f"{address}/{link.get_attribute('href')}")
    second.get_by_role("heading", name=re.compile("EXERCISE: flood")).wait_for()
    assert "core = 75" in _explained(second)


def _explained(page):
    page.locator("#how_event_area_km2").click()
    chain = page.locator('[data-region="chain"]')
    chain.get_by_text("SHA-256").wait_for()
    return chain.inner_text()


def test_climate_of_a_district(open_page, catalog, keep_picture):
    """A district's numbers, its series and the map of the index."""
    page = open_page("climate")
    drawn(page)
    unit = _told(catalog, "drought").admin[0]
    page.locator("#unit").select_option(str(unit["pcode"]))
    page.get_by_role("heading", name=unit["name"]).wait_for()
    assert page.get_by_role("rowheader", name="2030-04-01").is_visible()
    page.locator("#look").select_option("spi")
    page.locator('[data-region="choice"] .ramp').wait_for()
    page.locator(".layer-spi").wait_for(state="attached")
    keep_picture(page, "climate")


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture
def hostile_site(catalog, tmp_path):
    """Address of a server, and a product whose title and districts hold scripts."""
    copy = shutil.copytree(catalog, tmp_path / "catalog")
    path = next(copy.glob("drought/*/*/provenance.json"))
    record = json.loads(path.read_text(encoding="utf-8"))
    record["event"]["title"] = HOSTILE
    path.write_text(json.dumps(record), encoding="utf-8")
    facts = path.parent / "facts.json"
    told = json.loads(facts.read_text(encoding="utf-8"))
    for row in told["admin"]:
        row["name"] = HOSTILE
    facts.write_text(json.dumps(told), encoding="utf-8")
    with serving_catalog(copy, tmp_path / "cache") as address:
        yield address, path.parent.name


def test_hostile_titles_and_names_are_text(hostile_site, open_page):
    """A title and a district with scripts are read, not run: no dialog, no element, no error."""
    address, product = hostile_site
    for where in (f"briefing?product={product}", f"climate?product={product}", f"lite/{product}"):
        page = open_page(f"{address}/{where}")
        page.get_by_role("heading", name=HOSTILE, level=1).wait_for()
        page.get_by_role("table").get_by_text(HOSTILE).first.wait_for()
        assert page.locator("img[src=x]").count() == 0
