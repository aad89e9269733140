"""Large areas get sheets of their parts."""

import dataclasses as dc

import numpy as np
import pypdf
import pytest
from odc.geo.geobox import GeoBox

from reliefscope.products.sheet import draw_sheets
from reliefscope.products.sheet.details import FINEST_MM, parts_to_detail
from reliefscope.products.sheet.layout import plan_detail, plan_layout
from reliefscope.words import words_in
from tests.products.sheet.conftest import PRODUCT_ID, words


def large(content, pixels):
    """Return content of which a pixel is tiny on paper: event in the south-east and the north."""
    grid = GeoBox.from_bbox(
        (500_000, 4_900_000, 500_000 + 10 * pixels, 4_900_000 + 10 * pixels),
        crs="EPSG:32633",
        shape=(pixels, pixels),
    )
    state = np.zeros((pixels, pixels), np.uint8)
    state[-pixels // 4 :, -pixels // 4 :] = 1
    state[:100, pixels // 2 - 50 : pixels // 2 + 50] = 1
    layers = dc.replace(
        content.layers,
        grid=grid,
        state=state,
        inside=np.ones_like(state, bool),
        background=np.zeros((pixels // 8, pixels // 8), np.float32),
    )
    return dc.replace(content, layers=layers)


def test_small_areas_have_none(content):
    """Where each pixel can be made out on the overview there is nothing to add."""
    assert parts_to_detail(content.layers, plan_layout(content.layers.grid)) == ()


def test_parts_hold_the_event_at_a_larger_scale(content):
    """Of nine parts, the two with event are drawn, in a scale at least twice as large."""
    layers = large(content, 5400).layers
    whole = plan_layout(layers.grid)
    assert whole.grid_mm[2] / 5400 < FINEST_MM
    parts = parts_to_detail(layers, whole)
    assert [(r.start, c.start) for r, c in parts] == [(0, 1800), (3600, 3600)]
    for part in parts:
        detail = plan_detail(whole, layers.grid, part, 0)
        assert detail.denominator < whole.denominator / 2
        assert detail.part == part


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_details_are_written_and_indexed(content, tmp_path):
    """Each detail is a sheet with its number, the overview says how many there are."""
    one = large(content, 4400)
    one.layers.state[:100] = 0
    (files,) = draw_sheets(one, tmp_path, [words_in("en")])
    assert [f.pdf.name for f in files.details] == ["sheet.en.detail1.pdf"]
    assert "1 detail sheet: see the frame with a number." in words(files.pdf)
    text = words(files.details[0].pdf)
    assert "Detail 1 of 1" in text
    assert PRODUCT_ID in text
    assert "Numbers are those of the whole area." in text
    assert len(pypdf.PdfReader(files.details[0].pdf).pages) == 1
    assert all(f.pdf.stat().st_size < 5_000_000 for f in (files, *files.details))
