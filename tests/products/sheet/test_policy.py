"""An office changes how its products look without touching the code."""

import dataclasses as dc
import json
import re
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image

from reliefscope.errors import InputError
from reliefscope.products import sheet
from reliefscope.products.brief import draw_brief
from reliefscope.products.sheet import draw_sheet, load_policy
from reliefscope.products.sheet.document import describe
from reliefscope.products.sheet.layout import plan_layout
from reliefscope.products.sheet.map_frame import Drawn
from reliefscope.words import words_in
from tests.products.sheet.conftest import make_content, words

GREEN = (0, 120, 60)
OFFICE = """
producer = "Office of Relief"
disclaimer = "None of this is official."
logo = "logo.png"
paper = "a4"
[colours]
main = "#00783c"
[languages.fr]
disclaimer = "Rien ici n'est officiel."
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """The folder of an office: its policy, and a logo of plain orange."""
    folder = tmp_path_factory.mktemp("office")
    folder.joinpath("policy.toml").write_text(OFFICE, encoding="utf-8")
    Image.new("RGB", (120, 60), (255, 128, 0)).save(folder / "logo.png")
    return folder


@pytest.fixture(scope="module")
def restyled(office, tmp_path_factory):
    content = make_content(policy=load_policy(office))
    return content, draw_sheet(content, tmp_path_factory.mktemp("restyled"))


def test_colour_and_logo_arrive_on_the_sheet(restyled):
    """The title block is green and holds the orange logo; before it was blue without one."""
    _, files = restyled
    with Image.open(files.png) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)[: image.height // 8]
    for colour, least in ((GREEN, 0.3), ((255, 128, 0), 0.005)):
        share = (abs(pixels - colour).max(axis=-1) <= 4).mean()
        assert share > least, colour
    assert not (abs(pixels - (20, 48, 77)).max(axis=-1) <= 4).any()


def test_logo_is_in_the_pdf(restyled):
    """The PDF holds the logo's picture and the office's name and disclaimer."""
    _, files = restyled
    page = pypdf.PdfReader(files.pdf).pages[0]
    assert any(i.image.size == (120, 60) for i in page.images if i.image)
    assert "Office of Relief" in words(files.pdf)
    assert "None of this is official." in words(files.pdf)


def test_paper_of_the_office_is_used(restyled):
    """A4: two pages, front and back, each with a picture."""
    _, files = restyled
    reader = pypdf.PdfReader(files.pdf)
    assert len(reader.pages) == 2
    assert [round(float(v) / 72 * 25.4) for v in reader.pages[0].mediabox[2:]] == [297, 210]
    assert files.back is not None
    for path in (files.png, files.back):
        with Image.open(path) as image:
            assert image.size == (2339, 1654)


def test_own_words_in_another_language(office):
    """A disclaimer of the office's own in French is used there, and nowhere else."""
    policy = load_policy(office)
    assert policy.told("disclaimer", words_in("fr")) == "Rien ici n'est officiel."
    assert policy.told("disclaimer", words_in("es")) == "None of this is official."


def test_brief_wears_the_same_colours(office, tmp_path):
    """Colour, logo and words of the office are in the brief as well."""
    content = make_content(policy=load_policy(office), words=words_in("fr"))
    page = draw_brief(content, tmp_path).html.read_text(encoding="utf-8")
    assert "#00783c" in page
    assert "Office of Relief" in page
    assert "n&#39;est officiel" in page
    assert "data:image/png" in page


def test_own_template_is_set(tmp_path):
    """A template beside the policy file takes the place of ours, with the same data."""
    source = '#set document(title: "x")\n#let d = json("data.json")\n#set page(width: 297mm, height: 210mm)\nOurs: #d.header.title'  # noqa: E501
    tmp_path.joinpath("own.typ").write_text(source)
    text = 'producer = "x"\ndisclaimer = "y"\ntemplate = "own.typ"\n'
    tmp_path.joinpath("policy.toml").write_text(text)
    files = draw_sheet(make_content(policy=load_policy(tmp_path / "policy.toml")), tmp_path)
    assert words(files.pdf) == "Ours: Flood in the test plain"


def test_faulty_template_is_told_to_its_office(tmp_path):
    """An error in an office's template names the file and where to read on."""
    tmp_path.joinpath("own.typ").write_text("#nonsense")
    policy = dc.replace(load_policy(), template=tmp_path / "own.typ")
    with pytest.raises(InputError, match=r"own\.typ.*TEMPLATE\.md"):
        draw_sheet(make_content(policy=policy), tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('logo = "no.png"', "no file"),
        ('fonts = "nowhere"', "no folder"),
        ('paper = "A5"', "A3, A4"),
        ('[colours]\nmain = "red"', "#14304d"),
        ('[colours]\nborder = "#000000"', "alarm"),
        ('[languages.xx]\ndisclaimer = "z"', "'ar', 'en'"),
        ('[languages.fr]\nlogo = "z"', "disclaimer"),
    ],
)
def test_faults_say_what_is_allowed(tmp_path, line, message):
    path = tmp_path / "policy.toml"
    path.write_text(f'producer = "x"\ndisclaimer = "y"\n{line}\n')
    with pytest.raises(InputError, match=message):
        load_policy(path)


def test_a_new_logo_is_another_policy(office, tmp_path):
    """The digest follows the contents of the files, so that the ledger draws anew."""
    text = OFFICE.replace('logo = "logo.png"', 'logo = "b.png"')
    tmp_path.joinpath("policy.toml").write_text(text)
    tmp_path.joinpath("b.png").write_bytes(office.joinpath("logo.png").read_bytes())
    first = load_policy(tmp_path).digest
    assert first == load_policy(office).digest
    Image.new("RGB", (9, 9)).save(tmp_path / "b.png")
    assert load_policy(tmp_path).digest != first


def test_template_page_tells_all_that_templates_receive(content):
    """Every key of the data, and every key one level below, is named in TEMPLATE.md."""
    told = Path(sheet.__file__).with_name("TEMPLATE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+)`", told))
    document = describe(content, plan_layout(content.layers.grid), Drawn()) | {"qr": True}
    inner = {k for n, v in document.items() if isinstance(v, dict) and n != "t" for k in v}
    assert set(document) | inner - {"left", "top", "width", "height"} <= named
    assert json.dumps(document)
