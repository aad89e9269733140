"""Pixels made ready for print."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reliefscope.model.cube import State
from reliefscope.products.sheet import raster


def lightness(red, green, blue):
    """CIE 1976 L* of an sRGB colour (IEC 61966-2-1)."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (red / 255, green / 255, blue / 255)
    ]
    y = float(np.dot((0.2126, 0.7152, 0.0722), linear))
    return 116 * np.cbrt(y) - 16 if y > 216 / 24389 else y * 24389 / 27


def test_small_products_keep_every_pixel():
    """Two by two pixels on four by four dots: each pixel becomes two by two dots."""
    state = np.array([[0, 1], [2, 255]], np.uint8)
    want = np.kron(state, np.ones((2, 2), np.uint8))
    assert (raster.printed_state(state, (4, 4)) == want).all()


def test_thin_flood_survives_thinning():
    """A flood one pixel wide stays an unbroken line where a dot stands for five pixels."""
    state = np.zeros((500, 500), np.uint8)
    state[:, 123] = State.EVENT
    drawn = raster.printed_state(state, (100, 100)) == State.EVENT
    assert drawn.sum(axis=1).tolist() == [1] * 100


def test_single_pixels_do_not_flood_the_map():
    """One event pixel in a dot of a hundred pixels is below one eighth: it is not drawn."""
    state = np.zeros((100, 100), np.uint8)
    state[5::10, 5::10] = State.EVENT
    assert not (raster.printed_state(state, (10, 10)) == State.EVENT).any()


def test_unseen_majority_stays_unseen():
    """Where most pixels of a dot were not observed, the dot is not observed, never "no event"."""
    state = np.full((40, 40), State.NOT_OBSERVED, np.uint8)
    state[::3] = State.NO_EVENT
    assert (raster.printed_state(state, (4, 4)) == State.NOT_OBSERVED).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 60), st.integers(3, 60), st.integers(2, 70), st.integers(2, 70))
def test_any_size_onto_any_size(rows, columns, dots_y, dots_x):
    """Dots only ever show classes that are there, whatever the sizes."""
    state = np.random.default_rng(rows * columns).choice(
        np.array([0, 1, 2, 3, 255], np.uint8), (rows, columns)
    )
    got = raster.printed_state(state, (dots_y, dots_x))
    assert got.shape == (dots_y, dots_x)
    assert set(np.unique(got)) <= set(np.unique(state))


def test_grey_leaves_unseen_ground_as_paper():
    """NaN never becomes a tone, and what is seen stays within the light range."""
    image = np.linspace(-20, 0, 64, dtype="float32").reshape(8, 8)
    image[:, :4] = np.nan
    grey = raster.printed_grey(image, (32, 32))
    assert (grey[:, :16] == raster.PAPER_GREY).all()
    assert grey[:, 16:].min() >= raster.DARKEST_GREY
    assert grey[:, 16:].std() > 5


@pytest.mark.parametrize(
    "image",
    [None, np.full((4, 4), np.nan, "float32"), np.full((4, 4), -7.0, "float32")],
)
def test_grey_without_contrast(image):
    """No image, nothing seen, or one tone everywhere: a light, even ground without warnings."""
    grey = raster.printed_grey(image, (9, 7))
    assert grey.shape == (9, 7)
    assert (grey == raster.LIGHTEST_GREY).all()


def test_classes_differ_in_black_and_white():
    """Event, reference water and the lightest and darkest ground differ by 10 in lightness."""
    levels = sorted(
        [
            lightness(*raster.PALETTE[raster.EVENT][:3]),
            lightness(*raster.PALETTE[raster.REFERENCE][:3]),
            lightness(*[raster.DARKEST_GREY] * 3),
        ]
    )
    assert min(np.diff(levels)) > 10
    assert lightness(*[raster.LIGHTEST_GREY] * 3) > 95


def test_hatches_look_like_nothing_else():
    """Unseen is crossed both ways, excluded one way only, plain classes not at all."""
    shape = (60, 60)

    def lines(state):
        entries = raster.inked(np.full(shape, state, np.uint8))
        return {int(v) for v in np.unique(entries)}, entries

    assert lines(State.NO_EVENT)[0] == {raster.CLEAR}
    assert lines(State.EVENT)[0] == {raster.EVENT}
    assert lines(State.REFERENCE)[0] == {raster.REFERENCE}
    assert lines(raster.OUTSIDE)[0] == {raster.VEIL}
    kinds, excluded = lines(State.EXCLUDED)
    assert kinds == {raster.EXCLUDED, raster.EXCLUDED_LINE}
    assert (excluded[1:, :-1] == excluded[:-1, 1:]).all()
    assert not (excluded[1:, 1:] == excluded[:-1, :-1]).all()
    kinds, unseen = lines(State.NOT_OBSERVED)
    assert kinds == {raster.UNSEEN, raster.UNSEEN_LINE}
    assert not (unseen[1:, :-1] == unseen[:-1, 1:]).all()


def test_event_is_outlined():
    """The rim of an event is darker, its inside is not; the page's edge is no rim."""
    state = np.zeros((9, 9), np.uint8)
    state[2:7, :] = State.EVENT
    entries = raster.inked(state)
    assert (entries[2] == raster.EVENT_EDGE).all()
    assert (entries[4] == raster.EVENT).all()


def test_overlay_keeps_transparency(tmp_path):
    """Ground without event is clear in the file, the event is not."""
    entries = raster.inked(np.array([[0, 1], [0, 1]], np.uint8), fine=True)
    raster.overlay_image(entries).save(tmp_path / "o.png")
    with Image.open(tmp_path / "o.png") as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert alpha.tolist() == [[0, 255], [0, 255]]


def test_slimming_keeps_black_and_white():
    """Six bits a channel change no value by more than 3, and the ends not at all."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256)
    got = np.asarray(raster.slimmed(Image.fromarray(ramp)))[0, :, 0].astype(int)
    assert got[[0, 255]].tolist() == [0, 255]
    assert np.abs(got - np.arange(256)).max() <= 3
