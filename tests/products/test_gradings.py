"""Classes of an event, such as depth or severity, on their way through the package."""

import numpy as np
import pytest
import rasterio

from reliefscope.model.cube import VARIABLES, DepthBand, State
from reliefscope.products import pictures
from reliefscope.products.exposure import assess
from reliefscope.products.layers import GRADINGS
from reliefscope.products.pictures import class_colours
from reliefscope.products.rasters import write_rasters
from reliefscope.products.sheet.document import describe
from reliefscope.products.sheet.layout import plan_layout
from reliefscope.products.sheet.map_frame import Drawn
from reliefscope.products.sheet.wording import CLASSES, class_name
from reliefscope.products.statistics import statistics
from reliefscope.products.vectors import build_vectors
from tests.products.scene import layer, make_dataset, make_product
from tests.products.sheet.conftest import make_content


def test_classes_of_the_event_are_counted_drawn_and_told_apart(tmp_path):
    """Depth bands reach layers, facts, table, polygons and legend; their areas add up."""
    data = make_dataset()
    band = np.zeros(data["state"].shape, np.uint8)
    event = data["state"].values == State.EVENT
    band[event] = DepthBand.TO_HALF_METRE
    half = event & (np.arange(band.shape[0])[:, None] < band.shape[0] // 2)
    band[half] = DepthBand.TO_TWO_METRES
    data["depth_band"] = layer("depth_band", band)
    content = make_content(product=make_product(data=data))
    facts = content.facts
    parts = [facts[f"event_{n}_area_km2"].value for n in ("to_half_metre", "to_two_metres")]
    assert sum(parts) == pytest.approx(facts["event_area_km2"].value)
    people = [facts[f"exposed_{n}_population"].value for n in ("to_half_metre", "to_two_metres")]
    assert sum(people) == pytest.approx(facts["exposed_population"].value, rel=1e-6)
    assert {"event_to_half_metre", "event_to_two_metres"} <= set(statistics(facts)["class"])
    exposure = assess(content.layers, content.context)
    vectors = build_vectors(content.product, content.layers, exposure, content.context)
    bands = vectors["floodDepthA"].groupby("value")["area_ha"].sum() / 100
    assert bands["to_two_metres"] == pytest.approx(parts[1], rel=0.01)
    legend = describe(content, plan_layout(content.layers.grid), Drawn())["legend"]
    assert [r["label"] for r in legend[1:3]] == ["Up to 0.5 m deep", "1 to 2 m deep"]
    paths = write_rasters(content.layers, tmp_path, {})
    with rasterio.open(paths["depth_band"]) as file:
        assert np.array_equal(file.read(1), band)
        assert file.colormap(1)[DepthBand.TO_TWO_METRES][:3] == (0x4F, 0x8F, 0xCB)


@pytest.mark.parametrize("name", GRADINGS)
def test_each_class_has_a_name_and_a_colour_of_its_own(name):
    """No class is printed by the name of its code, none is drawn in another's colour."""
    flags = VARIABLES[name].flags
    assert len(CLASSES[flags]) == len(set(CLASSES[flags])) == len(flags)
    assert class_name(next(iter(flags))) == CLASSES[flags][0]
    shown = [colour for code, colour in class_colours(flags).items() if code != 255]
    assert len(set(shown)) == len(shown)
    assert flags in pictures._CLASSES
