"""Light pages, the briefing, files and signing in, as a person meets them."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe

from reliefscope.products.catalog import find
from reliefscope.serve import apps
from reliefscope.serve.config import Serving
from tests.browser.conftest import drawn, run_server
from tests.browser.served.conftest import PASSWORD
from tests.servers import free_port

pytestmark = pytest.mark.browser
HEADINGS = {"en": "Flood extent map", "fr": "Carte", "es": "Mapa", "ar": "خريطة"}
LIGHTEST = 150_000


def flood(catalog):
    return next(e for e in find(catalog) if e.hazard == "flood")


def product_of(catalog):
    return flood(catalog).product_id


def axe(page):
    """Return what axe-core finds wrong on a page."""
    found = Axe().run(page).response["violations"]
    return [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found]


@pytest.mark.parametrize(
    ("lang", "scheme"), [("en", "light"), ("fr", "dark"), ("es", "light"), ("ar", "dark")]
)
def test_light_pages_are_small_accessible_and_ask_nobody(site, exercise, opened, lang, scheme):
    """Languages and themes: right direction, no fault, nothing axe-core objects to, < 150 KB."""
    page = opened(site, color_scheme=scheme)
    page.goto(f"{site}/lite/{product_of(exercise)}?lang={lang}", wait_until="networkidle")
    assert page.evaluate("document.documentElement.dir") == ("rtl" if lang == "ar" else "ltr")
    assert HEADINGS[lang] in page.locator("main").inner_text()
    assert page.locator("main img").evaluate("i => i.complete && i.naturalWidth > 200")
    assert axe(page) == []
    assert sum(page.weights) < LIGHTEST
    page.goto(f"{site}/lite?lang={lang}", wait_until="networkidle")
    assert axe(page) == []
    assert page.faults == []


def test_light_pages_need_no_script_and_fit_a_phone(site, exercise, opened):
    """Found by search, read, and nothing runs out of the side of a phone's screen."""
    page = opened(site, java_script_enabled=False, viewport={"width": 360, "height": 740})
    page.goto(f"{site}/?lite=1&lang=fr")
    page.get_by_label("Pays, lieu ou événement").fill("exercise")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("link", name=re.compile("EXERCISE: flood")).click()
    assert product_of(exercise) in page.locator("main").inner_text()
    assert page.locator("html").bounding_box()["width"] <= 360
    assert page.faults == []


def test_a_light_page_is_read_by_keyboard(site, opened):
    """The first stop is a link over the head of the page; each stop is seen."""
    page = opened(site)
    page.goto(f"{site}/lite?lang=en")
    page.keyboard.press("Tab")
    focus = page.evaluate("document.activeElement.textContent")
    assert focus == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_pdf_is_the_published_one(site, exercise, opened):
    """What is downloaded from the page is byte for byte what was published."""
    page = opened(site)
    page.goto(f"{site}/lite/{product_of(exercise)}?lang=en")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Map sheet, PDF").click()
    got = waiting.value.path().read_bytes()
    want = (flood(exercise).folder / "sheet.en.pdf").read_bytes()
    assert hashlib.sha256(got).digest() == hashlib.sha256(want).digest()


def test_a_light_page_leads_to_the_full_one(site, exercise, opened):
    """The link opens the briefing on the same product, in the same language."""
    page = opened(site)
    page.goto(f"{site}/lite/{product_of(exercise)}?lang=fr")
    page.locator("a[href*='/briefing?product=']").click()
    page.wait_for_url("**/briefing?*")
    drawn(page)
    page.get_by_role("heading", name=re.compile("EXERCISE: flood")).wait_for()
    assert page.evaluate("document.documentElement.lang") == "fr"
    assert page.faults == []


def test_an_export_opens_from_a_file(site, exercise, opened, tmp_path):
    """Saved and opened with no server: a map to swipe, nothing is asked for, axe is content."""
    page = opened(site)
    page.goto(f"{site}/lite/{product_of(exercise)}?lang=ar")
    with page.expect_download() as waiting:
        page.locator("a[href*='/export/']").click()
    saved = tmp_path / "briefing.html"
    waiting.value.save_as(saved)
    alone = opened("file://")
    alone.goto(saved.as_uri())
    drawn(alone)
    divider = alone.get_by_role("slider")
    before = alone.locator("#map").screenshot()
    divider.press("Home")
    assert divider.input_value() == "0"
    assert alone.locator("#map").screenshot() != before
    assert alone.locator("img").evaluate("i => i.naturalWidth > 100")
    assert axe(alone) == []
    assert alone.faults == []


def test_an_export_without_scripts_shows_pictures(site, exercise, opened, tmp_path):
    """Where scripts are off, the map of the export is the picture of the sheet."""
    page = opened("file://", java_script_enabled=False)
    saved = tmp_path / "briefing.html"
    saved.write_bytes(page.request.get(f"{site}/export/{product_of(exercise)}.html").body())
    page.goto(saved.as_uri())
    assert page.locator("#map-picture img").is_visible()
    assert not page.locator("#map").is_visible()


def test_a_person_signs_in_and_out(guarded_site, exercise, opened):
    """From a shared link to the login page, to the page of the link, and out again."""
    page = opened(guarded_site)
    page.goto(f"{guarded_site}/lite/{product_of(exercise)}?lang=es")
    assert "/login" in page.url
    page.goto(f"{page.url}&lang=es")
    assert axe(page) == []
    page.get_by_label("Nombre").fill("vera")
    page.get_by_label("Contraseña").fill("a wrong password")
    page.get_by_role("button", name="Iniciar sesión").click()
    page.get_by_role("alert").wait_for()
    page.faults.clear()  # the browser reports the 401
    page.goto(f"{guarded_site}/lite/{product_of(exercise)}?lang=es")
    page.get_by_label("Name").or_(page.get_by_label("Nombre")).fill("vera")
    page.locator("#password").fill(PASSWORD)
    page.locator("form.sign button").click()
    page.wait_for_url(f"**/lite/{product_of(exercise)}?lang=es")
    page.goto(f"{guarded_site}/briefing", wait_until="load")
    drawn(page)
    page.goto(f"{guarded_site}/explorer?lang=es")
    page.get_by_role("heading", name="Esta página es para analistas").wait_for()
    assert axe(page) == []
    page.faults.clear()  # the browser reports the 403
    page.goto(f"{guarded_site}/lite?lang=en")
    page.get_by_role("button", name=re.compile("Sign out")).click()
    page.wait_for_url("**/login")
    page.goto(f"{guarded_site}/lite")
    assert "/login" in page.url
    assert page.faults == []


CONFIG = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
  fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port};
    location /{name}/ {{
      proxy_pass http://127.0.0.1:{inner}{end};
      proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }}
  }}
}}
"""


@pytest.mark.parametrize("end", ["", "/"], ids=["prefix kept", "prefix cut"])
def test_it_works_below_a_path_of_a_reverse_proxy(exercise, opened, tmp_path, end):
    """Behind nginx: pages, pictures, scripts and the websocket all stay below the path."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None and os.environ.get("CI", "").lower() == "true":
        pytest.fail("nginx is not installed, and CI must try a reverse proxy")
    if nginx is None:
        pytest.skip("nginx is not installed: no reverse proxy is tried here")
    port, inner = free_port(), free_port()
    base = f"http://127.0.0.1:{port}"
    serving = Serving(catalog=exercise, port=inner, cache=tmp_path, public_url=f"{base}/relief")
    config = tmp_path / "nginx.conf"
    config.write_text(
        CONFIG.format(folder=tmp_path, port=port, inner=inner, end=end, name="relief")
    )
    stop, _ = run_server(serving)
    try:
        with subprocess.Popen([nginx, "-c", str(config), "-p", str(tmp_path)]) as proxy:  # noqa: S603
            try:
                page = opened(f"{base}/relief")
                page.goto(f"{base}/relief/?lite=1&lang=en", wait_until="networkidle")
                page.get_by_role("link", name=re.compile("EXERCISE: flood")).click()
                page.wait_for_load_state("networkidle")
                assert page.locator("main img").evaluate("i => i.naturalWidth > 200")
                page.goto(f"{base}/relief/briefing", wait_until="load")
                drawn(page)
                assert page.faults == []
            finally:
                proxy.terminate()
    finally:
        stop()


def test_closed_pages_are_forgotten(exercise, opened, tmp_path, monkeypatch):
    """A visitor who leaves costs nothing any more: sessions return to none."""
    monkeypatch.setattr(apps, "_CHECK_MS", 500)
    port = free_port()
    serving = Serving(catalog=exercise, port=port, cache=tmp_path)
    serving = replace(serving, limits=replace(serving.limits, unused_session_s=8))
    stop, dashboards = run_server(serving)
    try:
        page = opened(f"http://127.0.0.1:{port}")
        page.goto(f"http://127.0.0.1:{port}/briefing", wait_until="load")
        drawn(page)
        assert dashboards.open_pages == 1
        assert len(dashboards._bokeh._clients) == 1
        page.close()
        for _ in range(720):
            if not dashboards._bokeh._clients and not dashboards.open_pages:
                break
            time.sleep(0.25)
        assert len(dashboards._bokeh._clients) == 0
        assert dashboards.open_pages == 0
    finally:
        stop()
