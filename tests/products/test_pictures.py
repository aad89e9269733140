"""Layers as pictures: each variable has colours, and what is empty looks empty."""

from enum import IntEnum
from io import BytesIO

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from reliefscope.model.cube import NO_LIKELIHOOD, VARIABLES, State
from reliefscope.products.pictures import class_colours, draw_layer, layer_figure, png, ramp

CLASSES = {n: v.flags for n, v in VARIABLES.items() if v.flags and issubclass(v.flags, IntEnum)}

_TOGETHER = 16


def layer(name, values):
    return xr.DataArray(np.asarray(values), dims=("y", "x"), name=name)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_has_a_colour_of_its_own(name):
    """No two classes of a variable look the same."""
    colours = class_colours(CLASSES[name])
    assert set(colours) == set(map(int, CLASSES[name]))
    assert len(set(colours.values())) == len(colours)


@pytest.fixture(scope="module")
def drawn():
    """Every variable with what a product may hold, many to a printed figure."""
    found, names = {}, list(VARIABLES)
    for first in range(0, len(names), _TOGETHER):
        part = names[first : first + _TOGETHER]
        layers = []
        for name in part:
            flags = VARIABLES[name].flags
            codes = list(map(int, flags)) if flags else [-9, 0, 1, 2]
            values = np.resize(codes, (8, 8)).astype("uint16" if flags else "float32")
            layers.append(layer(name, values))
        figure = layer_figure(layers, columns=4)
        figure.set_layout_engine("none")  # most of the time, and of no account here
        assert Image.open(BytesIO(png(figure, dpi=20))).size[0] > 100
        found |= dict(zip(part, [a for a in figure.axes if a.images], strict=True))
    return found


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_can_be_drawn(drawn, name):
    """Its picture is printed under its name, and shows more than one colour."""
    (image,) = drawn[name].images
    colours = image.to_rgba(image.get_array()).reshape(-1, 4)
    assert len(np.unique(colours, axis=0)) > 1
    assert drawn[name].get_title()


def test_what_can_fall_below_nothing_has_colours_for_it():
    """A loss does not look like no change; but for an index of plants, where water is below 0."""
    signed = {n for n, v in VARIABLES.items() if v.valid_range and v.valid_range[0] < 0}
    ramps = {name: ramp(name).limits for name in signed - {"ndvi"}}
    assert [name for name, limits in ramps.items() if limits and limits[0] >= 0] == []
    assert ramps["rdndvi"][0] < 0


def test_no_likelihood_is_not_a_high_one():
    """255 is drawn as nothing, 100 as the brightest."""
    figure = layer_figure([layer("likelihood", [[NO_LIKELIHOOD, 100], [0, 50]])])
    shown = figure.axes[0].images[0].get_array()
    assert np.ma.getmaskarray(np.ma.masked_invalid(shown))[0, 0]
    assert shown[0, 1] == 100


def test_classes_are_drawn_as_classes():
    """Each code takes the place of its colour, whatever order codes come in."""
    figure = layer_figure([layer("state", [[255, 0], [1, 3]])])
    index = figure.axes[0].images[0].get_array()
    codes = sorted(class_colours(State))
    np.testing.assert_array_equal(np.asarray(codes)[index], [[255, 0], [1, 3]])


def test_reasons_are_named_in_the_legend_only_where_they_occur():
    """A legend of what is there, not of what there might be."""
    figure = layer_figure([layer("exclusion", np.array([[0, 4], [4, 16]], "uint16"))])
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["none", "urban", "low backscatter"]


def test_a_layer_that_nobody_observed_is_drawn_empty():
    """All NaN: no error, no range of colours invented."""
    figure = layer_figure([layer("lst", np.full((4, 4), np.nan, "float32"))])
    assert np.isnan(np.asarray(figure.axes[0].images[0].get_array(), "float64")).all()


def test_large_layers_are_thinned():
    """A scene of 4,000 pixels a side gives a picture, not a poster."""
    axes = layer_figure([layer("ndvi", np.zeros((2, 2), "float32"))]).axes[0]
    draw_layer(axes, layer("ndvi", np.zeros((4000, 10), "float32")))
    assert max(axes.images[-1].get_array().shape) <= 900


def test_quantities_diverge_where_their_middle_means_something():
    """Dry and wet part from a middle; temperatures rise from dark to light."""
    assert ramp("spi").limits == (-3, 3)
    assert ramp("lst").colours == "inferno"
    assert ramp("no such variable").colours == "viridis"
