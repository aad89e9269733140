"""Sheets drawn once from the hand-made product, and looked at by many tests."""

import dataclasses as dc

import numpy as np
import pypdf
import pytest

from reliefscope.model.context import Context
from reliefscope.products.exposure import assess
from reliefscope.products.facts import state_facts
from reliefscope.products.layers import compute_layers
from reliefscope.products.sheet import SheetContent, draw_sheet
from tests.products.scene import RELEASED, layer, make_context, make_dataset, make_product

ITEM = "https://example.org/catalog/flood/EMSR771/item.json"
PRODUCT_ID = "EMSR771_AOI01_DEL_PRODUCT_r1_v1"


def make_content(product=None, context=None, **over):
    """Return what a sheet of the hand-made product shows."""
    product = make_product() if product is None else product
    context = make_context() if context is None else context
    layers = compute_layers(product)
    exposure = assess(layers, context)
    fields = {
        "product": product,
        "layers": layers,
        "facts": state_facts(product, layers, exposure, context),
        "by_admin": exposure.by_admin,
        "context": context,
        "product_id": PRODUCT_ID,
        "version": 1,
        "released": RELEASED,
        "item_href": ITEM,
    }
    return SheetContent(**fields | over)


def as_exercise(product):
    granules = {
        role: tuple(dc.replace(g, exercise=True) for g in group)
        for role, group in product.granules.items()
    }
    return dc.replace(product, granules=granules)


def unseen_product(share):
    """Return a product without event of which the right-hand part was not observed."""
    data = make_dataset()
    rows, columns = data["state"].shape
    state = np.zeros((rows, columns), np.uint8)
    state[:, round(columns * (1 - share)) :] = 255
    grey = np.where(state == 255, np.nan, -8.0).astype("float32")
    data["state"], data["vv_db"] = layer("state", state), layer("vv_db", grey)
    data["likelihood"] = layer("likelihood", np.where(state == 255, 255, 0).astype(np.uint8))
    data["exclusion"] = layer("exclusion", np.zeros_like(state, dtype=np.uint16))
    return make_product(data=data)


def words(path):
    """Return the text of a PDF on one line, without marks for breaking words."""
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    return " ".join(text.replace("\u200b", "").split())


@pytest.fixture(scope="session")
def content():
    return make_content()


@pytest.fixture(scope="session")
def plain(content, tmp_path_factory):
    """The sheet of a real product that passed its gates."""
    return draw_sheet(content, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def marked(tmp_path_factory):
    """The sheet of an exercise that failed a gate."""
    content = make_content(as_exercise(make_product()), draft=("negative control",))
    return draw_sheet(content, tmp_path_factory.mktemp("marked"))


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """The sheet of 60 % unseen ground without an event, and nothing known of the ground."""
    content = make_content(unseen_product(0.6), Context(), by_admin=None)
    return content, draw_sheet(content, tmp_path_factory.mktemp("bare"))
