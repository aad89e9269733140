"""The page with the divider works from a mail attachment: no network, by hand and by keys."""

import base64
import dataclasses as dc
import hashlib
import re

import numpy as np
import pytest
import xarray as xr

from reliefscope.products.looks import views
from reliefscope.products.swipe import draw_swipe
from reliefscope.products.swipe.draw import MOST_BYTES
from reliefscope.words import languages, words_in
from tests.products.scene import COLUMNS, ROWS, make_granule, make_product
from tests.products.sheet.conftest import as_exercise, make_content

BEFORE = {"before": (make_granule(id="b"),), "after": (make_granule(),)}


def radar(level):
    """Return an image of one level of power, its right half unseen."""
    power = np.full((ROWS, COLUMNS), level, np.float32)
    power[:, COLUMNS // 2 :] = np.nan
    power[0, 0] = 1.0
    return xr.Dataset({"vv": (("y", "x"), power)})


def pair():
    return make_product(images={"before": radar(0.1), "after": radar(0.01)}, granules=BEFORE)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The swipe of an exercise with two images, in all languages, English first."""
    product = as_exercise(pair())
    spoken = [words_in(name) for name in languages()]
    folder = tmp_path_factory.mktemp("swipe")
    return draw_swipe(make_content(product), folder, spoken, views(product))


def test_both_images_share_their_tones():
    """Ground ten decibels darker after the event is darker in the picture; NaN stays unseen."""
    before, after = views(pair())
    assert (before.role, after.role) == ("before", "after")
    assert before.pixels[5, 5] > after.pixels[5, 5] + 50
    assert not before.seen[:, COLUMNS // 2 :].any()
    assert before.seen[:, : COLUMNS // 2].all()


def test_pictures_are_means_of_blocks():
    """Thinned to a quarter, a checkerboard of 1 and 3 is an even tone, not one of its colours."""
    board = np.where(np.indices((ROWS, COLUMNS)).sum(axis=0) % 2, 1.0, 3.0).astype(np.float32)
    product = make_product(images={"after": xr.Dataset({"vv": (("y", "x"), board)})})
    (view,) = views(product, side=COLUMNS // 4)
    assert view.pixels.shape == (ROWS // 4, COLUMNS // 4)
    assert view.pixels.std() < 1


def test_one_image_stands_against_the_map(tmp_path):
    product = make_product(images={"after": radar(0.1)})
    page = draw_swipe(make_content(product), tmp_path, [words_in("en")], views(product))
    text = page.read_text("utf-8")
    assert ">Map</span>" in text
    assert "After: 2024-09-15" in text


def test_without_images_there_is_none(tmp_path):
    """Where a product rests on no image, no page is written."""
    assert draw_swipe(make_content(), tmp_path, [words_in("en")], views(make_product())) is None
    assert not list(tmp_path.iterdir())


def test_page_is_one_small_file(page):
    """Below 3 MB, and every source and link is within."""
    text = page.read_text("utf-8")
    assert page.stat().st_size < MOST_BYTES
    assert all(s.startswith("data:") for s in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert "http://" not in text
    assert "https://" not in text


def test_only_its_own_script_may_run(page):
    """The policy names the checksum of the one script and of the one style, and nothing else."""
    text = page.read_text("utf-8")
    policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1]
    for tag in ("script", "style"):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        sum_ = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{sum_}'" in policy
    assert "default-src 'none'" in policy
    assert " style=" not in text
    assert not re.search(r"\son\w+=", text)


def test_hostile_titles_stay_text(tmp_path):
    """A title that ends the script ends nothing."""
    product = pair()
    title = '</script><script>alert(1)</script><img src=x onerror="y">'
    product = dc.replace(product, event=dc.replace(product.event, title=title))
    page = draw_swipe(make_content(product), tmp_path, [words_in("en")], views(product))
    text = page.read_text("utf-8")
    assert text.count("<script") == 1
    assert "<img src=x" not in text


@pytest.fixture
def opened(chromium, page):
    """The page opened from its file on a telephone's width, with all that it asks for noted."""
    tab = chromium.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    asked, faults = [], []
    tab.on("request", lambda r: asked.append(r.url))
    tab.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda e: faults.append(str(e)))
    tab.goto(page.as_uri())
    yield tab, asked, faults
    tab.close()


@pytest.mark.browser
def test_nothing_is_asked_of_any_network(opened, page):
    """A real browser loads the file, pictures included, and asks for nothing else."""
    tab, asked, faults = opened
    assert [a for a in asked if not a.startswith("data:")] == [page.as_uri()]
    assert faults == []
    assert tab.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


@pytest.mark.browser
def test_keys_move_the_divider(opened):
    """Tab reaches the divider; arrows, Home and End move the cut of the right picture."""
    tab, _, _ = opened
    cut = "getComputedStyle(document.querySelector('.right')).clipPath"
    divider = tab.get_by_role("slider", name="Divider between the left and the right picture")
    for _ in range(6):
        if divider.evaluate("e => e === document.activeElement"):
            break
        tab.keyboard.press("Tab")
    assert divider.evaluate("e => e === document.activeElement")
    assert "50%" in tab.evaluate(cut)
    tab.keyboard.press("ArrowLeft")
    assert "49%" in tab.evaluate(cut)
    tab.keyboard.press("End")
    assert "100%" in tab.evaluate(cut)
    tab.keyboard.press("Home")
    assert "0%" in tab.evaluate(cut)
    assert tab.get_by_role("slider").get_attribute("aria-valuetext") == "0 %"


@pytest.mark.browser
def test_pointer_outline_and_language(opened):
    """A click sets the divider, the box hides the outline, Arabic turns the page around."""
    tab, _, _ = opened
    stage = tab.locator("#stage").bounding_box()
    tab.mouse.click(stage["x"] + stage["width"] * 0.25, stage["y"] + stage["height"] / 2)
    assert 20 <= int(tab.locator("#divider").input_value()) <= 30
    assert tab.locator(".outline").is_visible()
    tab.get_by_label("Show outline and hatches").uncheck()
    assert not tab.locator(".outline").is_visible()
    tab.locator("#language").select_option("ar")
    assert tab.evaluate("document.documentElement.dir") == "rtl"
    assert "تمرين" in tab.locator("#marks").inner_text()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_without_scripts_both_pictures_are_shown(chromium, page):
    """Where a mail program runs no script, the pictures stand one below the other."""
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    tab = context.new_page()
    tab.goto(page.as_uri())
    first, second = (tab.locator(f".{n} img").bounding_box() for n in ("left", "right"))
    assert second["y"] >= first["y"] + first["height"]
    assert not tab.locator("#divider").is_visible()
    context.close()
