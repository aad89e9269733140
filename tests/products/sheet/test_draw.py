"""The whole sheet, as a reader and as a machine see it."""

import dataclasses as dc
import datetime as dt
import json

import numpy as np
import pypdf
import pytest
import typst
import zxingcpp
from PIL import Image

from reliefscope.errors import InputError
from reliefscope.model.cube import Advisory
from reliefscope.products.qa import _loose_fonts, check_sheet
from reliefscope.products.sheet import Policy, draw_sheet, draw_thumbnail
from reliefscope.products.sheet.content import load_policy
from reliefscope.products.sheet.draw import prepare
from reliefscope.products.sheet.layout import plan_layout
from reliefscope.products.sheet.text import fonts_folder
from reliefscope.products.sheet.wording import ADVISORIES
from reliefscope.words import words_in
from tests.products.scene import (
    GRID,
    RELEASED,
    make_context,
    make_dataset,
    make_granule,
    make_product,
)
from tests.products.sheet.conftest import ITEM, PRODUCT_ID, as_exercise, make_content, words

A3_POINTS = (420 / 25.4 * 72, 297 / 25.4 * 72)
HOSTILE = (
    '#panic("x") $\\alpha^2$ *bold* `raw` @ref // /* [#read("data.json")] <b>\x00\x1b \u202e end'
)
ARABIC = "فيضانات نهر دجلة"


def test_pdf_is_one_tagged_a3_page_with_its_fonts(plain):
    """Print shops and screen readers get what they need: size, tags, language, title, fonts."""
    reader = pypdf.PdfReader(plain.pdf)
    root = reader.trailer["/Root"]
    assert len(reader.pages) == 1
    box = reader.pages[0].mediabox
    assert (float(box.width), float(box.height)) == pytest.approx(A3_POINTS, abs=0.1)
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert "Flood in the test plain" in reader.metadata.title
    assert reader.pages[0]["/Resources"]["/Font"]
    assert not _loose_fonts(reader)
    assert plain.pdf.stat().st_size < 5_000_000


def test_pdf_declares_archive_and_accessibility_standards(plain):
    """The file says that it is PDF/A-2a and PDF/UA-1, which the writer enforced."""
    stated = pypdf.PdfReader(plain.pdf).trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in stated
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in stated
    assert "<pdfuaid:part>1</pdfuaid:part>" in stated


def test_pictures_have_alternative_texts(plain):
    """The map, its locator and the code are described for those who cannot see them."""
    root = pypdf.PdfReader(plain.pdf).trailer["/Root"]
    joined = " ".join(_alternatives(root["/StructTreeRoot"]))
    for part in ("Flood extent map: Flood in the test plain", "Globe", "QR code"):
        assert part in joined


def _alternatives(element):
    if "/Alt" in element:
        yield str(element["/Alt"])
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        kid = kid.get_object()  # noqa: PLW2901
        if isinstance(kid, dict):
            yield from _alternatives(kid)


def test_png_is_200_dpi_of_the_same_page(plain):
    """A3 at 200 dots per inch is 3307 by 2339 pixels, and the file says so."""
    with Image.open(plain.png) as image:
        assert image.size == (3307, 2339)
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_code_leads_to_the_item(plain):
    """A telephone held over the printed sheet reads the address of the STAC item."""
    with Image.open(plain.png) as image:
        found = zxingcpp.read_barcodes(image)
    assert [code.text for code in found] == [ITEM]


def test_furniture_is_complete(plain):
    """Title block, scale, projection, tables, limits, disclaimer and producer are there."""
    text = words(plain.pdf)
    policy = load_policy()
    for part in (
        "Flood in the test plain",
        "plain",
        "Flood extent map",
        "(delineation)",
        PRODUCT_ID,
        "version 1",
        "Released 16 September 2024, 12:30 UTC",
        "Onset 14 September 2024, 06:00 UTC",
        "LEGEND",
        "1:25,000 on A3 paper",
        "WGS 84 / UTM zone 33N (EPSG:32633)",
        "Graticule in degrees (WGS 84)",
        "CONSEQUENCES IN THE AREA",
        "Population: Hand-made 2024",
        "Sentinel-1A",
        "2024-09-15 05:12",
        "Copernicus",
        "Dark water by threshold.",
        "doi:10.0/test",
        ADVISORIES[512],
        policy.producer,
        policy.disclaimer,
    ):
        assert part in text, part


def test_numbers_are_those_of_the_facts(content, plain):
    """Each number on the sheet is the text of its fact."""
    text = words(plain.pdf)
    for key in (
        "event_area_km2",
        "excluded_area_km2",
        "not_observed_area_km2",
        "area_km2",
        "exposed_population",
        "population_cannot_tell",
        "population_upper_bound",
        "population_total",
        "observed_fraction",
        "excluded_fraction",
    ):
        assert content.facts.text(key) in text, key
    assert f"{content.facts.text('hours_after_onset')} after onset" in text
    assert f"VV {content.facts.text('threshold_vv_db')}" in text


def test_marks_appear_when_due_and_only_then(plain, marked):
    """EXERCISE and DRAFT stand across the map of a failed exercise and nowhere else."""
    text = words(marked.pdf)
    assert "EXERCISE" in text
    assert "DRAFT - not quality controlled" in text
    assert "Quality gates failed: negative control." in text
    assert "EXERCISE" not in words(plain.pdf)
    assert "DRAFT" not in words(plain.pdf)


def test_own_quality_gate_accepts_the_sheet(plain):
    """The gate that every package passes finds the furniture of the real sheet."""
    assert check_sheet(plain.pdf, [PRODUCT_ID]).passed


def test_nothing_known_is_said_so(bare):
    """Without people, units, places or event the sheet says that, and how much went unseen."""
    content, files = bare
    text = words(files.pdf)
    assert "No flooding was found in the part of the area that was observed." in text
    assert "People exposed: not available" in text
    assert "By administrative unit: not available." in text
    assert f"Observed {content.facts.text('observed_fraction')}" in text
    for absent in ("Populated place", "Main road", "Administrative boundary", "Facility"):
        assert absent not in text


def test_hostile_texts_are_shown_not_run(tmp_path):
    """Code, markup, controls, endless words and Arabic in every field print as text."""
    long = "W" * 400
    context = make_context(population_source=HOSTILE, admin_source=long)
    context.admin["name"] = [HOSTILE, long]
    context.places["name"] = [HOSTILE, long, ARABIC, "$x^2", "洪水", None]
    base = make_product()
    granule = make_granule(platform=HOSTILE, instrument=long, licence=ARABIC, orbit_state=HOSTILE)
    product = dc.replace(
        base,
        event=dc.replace(base.event, title=HOSTILE, ids={"glide": HOSTILE, "#x": long}),
        method=HOSTILE,
        reference=long,
        notes=(HOSTILE, long, ARABIC),
        granules={"after": (granule,), HOSTILE: (granule,)},
    )
    policy = Policy(producer=HOSTILE, disclaimer=long * 3, contact=ARABIC, terms="\ud800洪")
    content = make_content(product, context, policy=policy, draft=(HOSTILE, long))
    files = draw_sheet(content, tmp_path)
    text = words(files.pdf)
    assert '#panic("x") $\\alpha^2$ *bold* `raw` @ref' in text
    assert len(pypdf.PdfReader(files.pdf).pages) == 1


def busy_content(product):
    """Return a sheet with every flag, failed gates, notes and names of ordinary length."""
    context = make_context()
    context.admin["name"] = ["Autonome Provinz Bozen-Südtirol", "Saint-Pierre-et-Miquelon"]
    notes = ("Two scenes of the same pass were joined along their overlap, which agrees.",) * 3
    title = "Severe flooding after heavy rain in the provinces of the upper and the lower valley"
    event = dc.replace(product.event, title=title)
    passes = tuple(
        make_granule(id=str(d), acquired=RELEASED - dt.timedelta(days=12 * d)) for d in range(1, 7)
    )
    granules = {"after": (make_granule(exercise=True),), "before": passes}
    content = make_content(
        dc.replace(product, event=event, notes=notes, granules=granules),
        context,
        draft=("observed share", "negative control", "vector area", "histogram bimodal"),
    )
    flags = tuple(f.name.lower() for f in Advisory)
    facts = dict(content.facts) | {"advisory": dc.replace(content.facts["advisory"], value=flags)}
    return dc.replace(
        content,
        layers=dc.replace(content.layers, advisory=Advisory(1023)),
        facts=dc.replace(content.facts, items_by_key=facts),
    )


@pytest.mark.parametrize("paper", ["A3", "A4"])
@pytest.mark.parametrize(("columns", "rows"), [(64, 24), (40, 40), (24, 48)])
@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_nothing_is_cut_off(tmp_path, paper, columns, rows, language):
    """With every flag, gates, notes and long names, all texts fit each arrangement of the page."""
    part = {"y": slice(0, rows), "x": slice(0, columns)}
    product = make_product(grid=GRID[:rows, :columns], data=make_dataset().isel(part))
    content = dc.replace(busy_content(product), words=words_in(language))
    layout = plan_layout(content.layers.grid, 14, paper)
    prepare(content, layout, tmp_path).write(content)
    found = typst.query(
        tmp_path / "template.typ",
        "<fits>",
        field="value",
        root=tmp_path,
        font_paths=[fonts_folder()],
        ignore_system_fonts=True,
    )
    fits = json.loads(found)
    assert len(fits) >= 3
    assert all(fits), (layout.kind, fits)


def test_tall_page_is_complete(tmp_path):
    """A square area has the same furniture, on one page."""
    product = make_product(
        grid=GRID[:40, :40], data=make_dataset().isel(x=slice(0, 40), y=slice(0, 40))
    )
    files = draw_sheet(busy_content(product), tmp_path)
    text = words(files.pdf)
    shown = list(ADVISORIES.values())[:11]
    rest = f"{len(ADVISORIES) - 11} further advisory flags: see the facts"
    for part in (*shown, rest, PRODUCT_ID, "1:19,500 on A3 paper", "6 images"):
        assert part in text, part
    assert check_sheet(files.pdf, ["EXERCISE", "DRAFT"]).passed


def test_same_content_same_bytes(content, plain, tmp_path):
    """Drawing twice gives the same file, so that checksums can be compared."""
    again = draw_sheet(content, tmp_path)
    assert again.pdf.read_bytes() == plain.pdf.read_bytes()


def test_link_too_long_for_a_code(tmp_path):
    """An address beyond what a code can hold leaves the code out, not the sheet."""
    content = make_content(item_href="https://example.org/" + "a" * 4000)
    files = draw_sheet(content, tmp_path)
    with Image.open(files.png) as image:
        assert not zxingcpp.read_barcodes(image)


@pytest.mark.parametrize("wrong", [{"paper": "A5"}])
def test_unknown_paper_is_refused(content, tmp_path, wrong):
    """What cannot be drawn is refused with what can be."""
    with pytest.raises(InputError, match="give one of A3, A4"):
        draw_sheet(content, tmp_path, **wrong)


def test_thumbnail_is_small_and_shows_the_classes(content, tmp_path):
    """The thumbnail has 512 pixels at most and the event's blue where the event is."""
    with Image.open(draw_thumbnail(content, tmp_path / "thumbnail.png")) as image:
        assert max(image.size) == 512
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels[200, 20].tolist() == [0, 132, 220]
    assert tmp_path.joinpath("thumbnail.png").stat().st_size < 300_000


def test_thumbnail_of_an_exercise_says_so(content, tmp_path):
    """An exercise's thumbnail differs from the real one: it is stamped."""
    marked = make_content(as_exercise(make_product()))
    with (
        Image.open(draw_thumbnail(content, tmp_path / "a.png")) as real,
        Image.open(draw_thumbnail(marked, tmp_path / "b.png")) as stamped,
    ):
        a, b = (np.asarray(i.convert("RGB")).astype(int) for i in (real, stamped))
    assert (b[2, 2] == [178, 24, 74]).all()
    assert (a[40:] == b[40:]).all()
