"""The brief as one file, on a small phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from reliefscope.products.brief import draw_brief
from reliefscope.words import languages, words_in
from tests.products.sheet.conftest import make_content


@pytest.mark.parametrize("language", languages())
def test_a_brief_fits_a_small_phone(chromium, tmp_path, language):
    """Nothing is wider than the screen, no tile runs into the next, and axe is content."""
    files = draw_brief(make_content(words=words_in(language)), tmp_path)
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(files.html.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".big div").evaluate_all(
        "tiles => tiles.length > 2 && tiles.every(t => t.scrollWidth <= t.clientWidth)"
    )
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found] == []
    context.close()
